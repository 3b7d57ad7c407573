"""PyTorch, eager, or compiled with --compile; fused Adam, denormals flushed."""

import sys
import time

import torch
from torch import nn

from common import log_loss, serve


def prepare(s):
    torch.set_num_threads(s.threads)
    torch.set_flush_denormal(True)
    g = {"tanh": nn.Tanh, "relu": nn.ReLU}[s.activation]
    sizes = [s.inputs, *s.hidden, s.outputs]
    layers = []
    for i, (W, b) in enumerate(zip(s.W, s.b)):
        linear = nn.Linear(sizes[i], sizes[i + 1])
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(W))
            linear.bias.copy_(torch.from_numpy(b))
        layers += [linear, g()]
    net = nn.Sequential(*layers[:-1])
    loss = nn.BCEWithLogitsLoss() if s.outputs == 1 else nn.CrossEntropyLoss()
    if s.optimizer == "gd":
        o = torch.optim.SGD(net.parameters(), lr=s.rate, fused=True)
    else:
        o = torch.optim.Adam(net.parameters(), lr=s.rate, fused=True)
    batches = [(torch.from_numpy(x), torch.from_numpy(y if s.outputs == 1 else y.argmax(axis=1))) for x, y in s.batches]

    def forward(x, y):
        return loss(net(x), y)

    cost = torch.compile(forward) if "--compile" in sys.argv else forward

    def step(x, y):
        o.zero_grad(set_to_none=True)
        cost(x, y).backward()
        o.step()

    start = time.perf_counter()
    for i in range(s.steps):
        step(*batches[i % len(batches)])
        if i == len(batches):
            took = time.perf_counter() - start
    with torch.no_grad():
        first = log_loss(net(torch.from_numpy(s.X)).numpy(), s.Y)
    done = 0

    def work(n):
        nonlocal done
        for _ in range(n):
            step(*batches[done % s.whole])
            done += 1
        return n

    answer = {"version": torch.__version__, "loss": first}
    if "--compile" in sys.argv:
        for _ in range(3):  # shapes that only now recur
            work(1)
        answer["compile_s"] = time.perf_counter() - start
    return work, answer


serve(prepare)
