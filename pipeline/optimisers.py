"""Adam without the second that torch takes at an optimiser's first call."""

import inspect

import torch


class Adam(torch.optim.Adam):
    """`torch.optim.Adam`, bit for bit, state dict included.

    torch wraps the methods of its optimisers for those who compile them: at the first call the wrappers import
    torch._dynamo, and with it sympy and pandas, which takes as long as importing torch. Here nobody compiles an
    optimiser, so these are the methods inside the wrappers.
    """

    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Adam.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Adam.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Adam.load_state_dict)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))
