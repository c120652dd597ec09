"""Imported once by the server that tests' processes are forked from: libraries, kernels and models are loaded there."""

from pipeline.gates.engine import import_gx
from pipeline.recipe import warm_up

import_gx()
warm_up()
