"""The rating page on 127.0.0.1: pictures by opaque id, and answers, on the disk before they are acknowledged.

Other sites that a rater has open can neither read it (the Host check defeats DNS rebinding, and no answer allows
another origin) nor write to it (answers must come from its own origin).
"""

import contextlib
import re
import socket
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import urlsplit

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pipeline.errors import UserError
from pipeline.mos.answers import RATER, Answer, latest, parse, read_file, record
from pipeline.mos.page import POLICY, script, served_page, style
from pipeline.mos.study import Study

HOST = "127.0.0.1"
LARGEST_ANSWER = 4096
"""Bytes: ten times what an answer takes."""

HEADERS = {
    "Content-Security-Policy": f"{POLICY}; frame-ancestors 'none'; img-src 'self' data:; style-src 'self'; "
    "script-src 'self'; connect-src 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
FOR_GOOD = {"Cache-Control": "private, max-age=604800, immutable"}
"""Of a picture: its id never means another."""


def application(study: Study, pictures: Mapping[str, bytes], folder: Path) -> Starlette:
    """The page of a study as an ASGI application.

    Args:
        study: what is rated.
        pictures: PNG files by opaque id.
        folder: where the answers go.
    """
    html = served_page(study)

    def page(request: Request) -> Response:
        return HTMLResponse(html)

    def css(request: Request) -> Response:
        return Response(style(), media_type="text/css")

    def javascript(request: Request) -> Response:
        return Response(script(), media_type="text/javascript")

    def picture(request: Request) -> Response:
        name = request.path_params["id"]
        if name not in pictures:
            raise HTTPException(404, "There is no such picture.")
        return Response(pictures[name], media_type="image/png", headers=FOR_GOOD)

    def given(request: Request) -> Response:
        rater = request.path_params["rater"]
        if not re.fullmatch(RATER, rater):
            raise HTTPException(404, "There is no such rater.")
        answers = latest(read_file(folder / f"{rater}.jsonl", study))
        return JSONResponse({version: answer.score for (_, version), answer in answers.items()})

    async def give(request: Request) -> Response:
        answer = _accepted(request, await _body(request), study)
        await run_in_threadpool(record, folder, [answer])
        return Response(status_code=204)

    routes = [
        Route("/", page),
        Route("/rate.css", css),
        Route("/rate.js", javascript),
        Route("/pictures/{id}.png", picture),
        Route("/answers/{rater}", given),
        Route("/answers", give, methods=["POST"]),
    ]
    middleware = [Middleware(_Headers), Middleware(TrustedHostMiddleware, allowed_hosts=[HOST, "localhost"])]
    explained = {HTTPException: _refusal, UserError: _broken, OSError: _broken}
    return Starlette(routes=routes, middleware=middleware, exception_handlers=explained)


def serve(app: Starlette, listener: socket.socket) -> None:
    """Serve until interrupted (Ctrl-C), then return."""
    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, proxy_headers=False)
    with listener, contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def listen(port: int) -> socket.socket:
    """A socket on 127.0.0.1; port 0 is any that is free. Raises `UserError` when the port is taken."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((HOST, port))
    except OSError as error:
        listener.close()
        raise UserError(f"port {port} cannot be had ({error.strerror}). Name another: --port {port + 1}") from None
    listener.listen()
    return listener


def _accepted(request: Request, body: bytes, study: Study) -> Answer:
    """The answer in a request from the page itself."""
    origin = request.headers.get("origin")
    if origin is None or urlsplit(origin).netloc != request.headers.get("host"):
        raise HTTPException(403, "Answers are taken from the rating page only.")
    if request.headers.get("content-type") != "application/json":
        raise HTTPException(415, "An answer is JSON.")
    try:
        return parse(body, study)
    except ValueError as error:
        raise HTTPException(400, f"This is no answer of this study: {error}.") from None


async def _body(request: Request) -> bytes:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_ANSWER:
            raise HTTPException(413, f"An answer has at most {LARGEST_ANSWER} bytes.")
    return body


def _refusal(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    return PlainTextResponse(error.detail, error.status_code, error.headers)


def _broken(request: Request, error: Exception) -> Response:
    """A damaged file, a full disk: the rater sees what it is, and the browser keeps the answer."""
    return PlainTextResponse(str(error), 500)


class _Headers:
    """Adds `HEADERS` to every response, refusals included, where the response has none of that name."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, with_headers)
