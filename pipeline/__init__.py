"""The study of Criteria Comparative Learning (Cria-CL) for real-scene image super-resolution.

Arrows between the packages run one way: stages -> reporting -> evaluation -> methods -> networks, and
training -> criteria, networks, datasets, degradations. CI checks them (`.importlinter`).
"""
