"""Whether a network suits a target: its operators, the forms they come in, and its memory.

Targets are data, `targets.yaml`; what cannot be said by a list there is one of the functions of `_FORMS` here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pydantic
import yaml
from pydantic import BaseModel, ConfigDict

from lp_recognition.deployment.layers import BROKEN, Layer, Network, Tensor
from lp_recognition.deployment.micro import INSTALL_HINT, MicroRun
from lp_recognition.system.errors import ConfigError, ModelError, UserError, did_you_mean

_CONVOLUTIONS = ("CONV_2D", "DEPTHWISE_CONV_2D")
_SAME = 0  # TFLite's number of 'same' padding


class Target(BaseModel):
    """What a target takes; `targets.yaml` explains each field."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    title: str
    file: str = "int8"
    types: tuple[str, ...]
    operators: tuple[str, ...] | None = None
    refused: dict[str, str] = {}
    forms: tuple[str, ...] = ()
    interpreter: str | None = None
    ram_bytes: int | None = None
    flash_bytes: int | None = None


@dataclass(frozen=True)
class Finding:
    """What keeps a network from a target, or costs it accuracy there.

    Attributes:
        problem: What is wrong; it names the layer.
        fix: What to change.
        layer: Number of the layer; None where it is the whole network.
        is_warning: It runs, but not as well as it could.
    """

    problem: str
    fix: str
    layer: int | None = None
    is_warning: bool = False


@dataclass(frozen=True)
class Verdict:
    """Whether a network suits a target.

    Attributes:
        target: The target.
        findings: What is wrong, warnings among them.
        facts: What was measured against what, for a person.
        ram_bytes: Memory that the network takes there; None where it is not known.
        is_complete: False where the target's interpreter is not installed, so that it could not be asked.
    """

    target: Target
    findings: tuple[Finding, ...]
    facts: tuple[str, ...]
    ram_bytes: int | None
    is_complete: bool

    @property
    def passed(self) -> bool:
        """Whether nothing but warnings was found."""
        return self.is_complete and all(finding.is_warning for finding in self.findings)


def load_targets(path: str | Path | None = None) -> dict[str, Target]:
    """Reads the targets of the package, and those of a file of the user's, which may replace them.

    Raises:
        ConfigError: the file is missing or broken.
    """
    texts = {"targets.yaml": resources.files(__package__).joinpath("targets.yaml").read_text(encoding="utf-8")}
    if path is not None:
        try:
            texts[str(path)] = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{path}: expected a file of targets, received an error: {error}") from None
    stated: dict[str, dict[str, Any]] = {}
    targets = {}
    for source, text in texts.items():
        try:
            entries = yaml.safe_load(text)
            if not isinstance(entries, dict) or not all(isinstance(values, dict) for values in entries.values()):
                raise ConfigError(f"{source}: expected targets by name, each with its fields")
            for name, values in entries.items():
                base = values.pop("base", None)
                if base is not None and base not in stated:
                    raise ConfigError(f"{source}: {name}: base: expected a target from above, received `{base}`")
                stated[name] = (stated[base] if base is not None else {}) | values
                targets[name] = Target(name=name, **stated[name])
                for form in targets[name].forms:
                    if form not in _FORMS:
                        hint = did_you_mean(form, _FORMS) or f" Known forms: {', '.join(_FORMS)}"
                        raise ConfigError(f"{source}: {name}: unknown form `{form}`.{hint}")
        except yaml.YAMLError as error:
            raise ConfigError(f"{source}: expected YAML, received: {' '.join(str(error).split())}") from None
        except (pydantic.ValidationError, TypeError) as error:
            problem = error.errors()[0] if isinstance(error, pydantic.ValidationError) else None
            detail = f"{'.'.join(map(str, problem['loc']))}: {problem['msg']}" if problem else str(error)
            raise ConfigError(f"{source}: {name}: {detail}") from None
    return targets


def choose_targets(targets: Mapping[str, Target], names: Sequence[str]) -> list[Target]:
    """The named targets, or all where none is named.

    Raises:
        UserError: a name that no target has.
    """
    for name in names:
        if name not in targets:
            raise UserError(
                f"--target: expected one of {', '.join(targets)}, received `{name}`.{did_you_mean(name, targets)}"
            )
    return [targets[name] for name in names] or list(targets.values())


def check(network: Network, target: Target, micro: MicroRun | None) -> Verdict:
    """Checks a network against a target.

    Args:
        network: The layers of its file.
        target: The target.
        micro: What TFLite-Micro said of the file, for targets that it runs on; None where it is not installed.

    Raises:
        ModelError: parts of the file do not fit together.
    """
    try:
        findings = [*_check_operators(network, target), *_check_types(network, target)]
        for form in target.forms:
            findings += _FORMS[form](network)
        peak, layer = network.peak
    except BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ModelError(f"{network.source}: expected a whole .tflite file, received a broken one ({reason})") from None
    facts = [f"activations: {_kib(peak)} at most, at layer {layer.number} `{layer.name}`"]
    ram_bytes: int | None = peak
    is_complete = True
    if target.interpreter is not None:
        ram_bytes, is_complete = None, micro is not None
        if micro is None:
            facts.append(f"not run: the package tflite-micro is not installed; {INSTALL_HINT}")
        elif micro.arena is None:
            findings.append(
                Finding(f"TFLite-Micro refuses the file: {micro.refusal}", _fix_of_refusal(network, findings))
            )
        else:
            ram_bytes = micro.arena.total
            facts.append(
                f"arena, as TFLite-Micro ran the file: {micro.arena.total:,} bytes ({micro.arena.activations:,} for "
                f"activations, {micro.arena.persistent:,} for tables)"
            )
    findings += _check_memory(network, target, ram_bytes, facts)
    return Verdict(target, tuple(findings), tuple(facts), ram_bytes, is_complete)


def _check_operators(network: Network, target: Target) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator in target.refused:
            yield Finding(f"{_place(layer)}: {layer.operator} is refused", target.refused[layer.operator], layer.number)
        elif target.operators is not None and layer.operator not in target.operators and not layer.is_custom:
            yield Finding(
                f"{_place(layer)}: {layer.operator} is none of the operators known to work there",
                f"use {', '.join(target.operators[:8])}, ...",
                layer.number,
            )


def _check_types(network: Network, target: Target) -> list[Finding]:
    wrong = [
        (layer, tensor)
        for layer in network.layers
        for tensor in _tensors(layer)
        if tensor.dtype not in (*target.types, "UINT8" if "uint8_at_the_ends_alone" in target.forms else "")
    ]
    if not wrong:
        return []
    layer, tensor = wrong[0]
    more = len({layer.number for layer, _ in wrong}) - 1
    return [
        Finding(
            f"{_place(layer)}: computes with {tensor.dtype.lower()}" + (f", as do {more} more layers" if more else ""),
            f"export it with --tflite {target.file}, or quantize a float "
            "checkpoint with python -m lp_recognition.tools.quantize_after_training",
            layer.number,
        )
    ]


def _check_memory(network: Network, target: Target, ram_bytes: int | None, facts: list[str]) -> Iterator[Finding]:
    if target.ram_bytes is not None and ram_bytes is not None:
        facts.append(f"RAM: {_kib(ram_bytes)} of {_kib(target.ram_bytes)} ({ram_bytes / target.ram_bytes:.0%})")
        if ram_bytes > target.ram_bytes:
            _, layer = network.peak
            yield Finding(
                f"{_place(layer)}: the network needs {_kib(ram_bytes)} of RAM, most of it here; the target has "
                f"{_kib(target.ram_bytes)}",
                "shrink what is stored there: stem_pool_strides=(2, 2), fewer stem_filters, a smaller input_shape",
                layer.number,
            )
    if target.flash_bytes is not None:
        share = network.file_bytes / target.flash_bytes
        facts.append(f"flash: {_kib(network.file_bytes)} of {_kib(target.flash_bytes)} ({share:.0%})")
        if network.file_bytes > target.flash_bytes:
            heaviest = max(network.layers, key=lambda layer: layer.weight_bytes)
            yield Finding(
                f"{_place(heaviest)}: the file takes {_kib(network.file_bytes)} of flash, "
                f"{_kib(heaviest.weight_bytes)} of it here; the target has {_kib(target.flash_bytes)}",
                'a smaller width_multiplier, global_context="convolutional"',
                heaviest.number,
            )


# ---- Forms -------------------------------------------------------------------------------------------------------


def _static_shapes(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if any(size < 0 for tensor in layer.outputs for size in tensor.shape[1:]):
            yield Finding(
                f"{_place(layer)}: the shape {layer.outputs[0].shape} is open",
                "convert with a fixed input shape",
                layer.number,
            )
            return  # what follows is open for the same reason


def _batch_1(network: Network) -> Iterator[Finding]:
    for tensor in network.inputs:
        if tensor.shape and tensor.shape[0] != 1:
            yield Finding(
                f"the input `{tensor.name}` of shape {tensor.shape}: the batch is not 1",
                "convert with a batch size of 1; a chip reads one plate at a time",
            )


def _at_most_4_dimensions(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        large = [tensor for tensor in _tensors(layer) if len(tensor.shape) > 4]
        if large:
            yield Finding(
                f"{_place(layer)}: a tensor of {len(large[0].shape)} dimensions, {large[0].shape}",
                "keep to 4 dimensions; repeat a context with a depthwise convolution, not UpSampling2D",
                layer.number,
            )


def _no_custom_operators(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.is_custom:
            kind = "a Flex operator of TensorFlow" if layer.operator.startswith("Flex") else "a custom operator"
            yield Finding(
                f"{_place(layer)}: {layer.operator} is {kind}, which no chip has",
                "build the layer of TFLite's own operators",
                layer.number,
            )


def _average_pool_without_padding(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator == "AVERAGE_POOL_2D" and _padding(layer) > 0:
            yield Finding(
                f"{_place(layer)}: an average pool with padding, which NNTool counts among the pixels: wrong by 100 "
                "output steps and more, without a word",
                "pool with padding='valid'",
                layer.number,
            )


def _flat_fully_connected(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator == "FULLY_CONNECTED" and layer.activations and not _is_flat(layer.activations[0]):
            yield Finding(
                f"{_place(layer)}: a fully connected layer on a tensor of shape {layer.activations[0].shape}, which "
                "NNTool computes wrong",
                "flatten before it, or make it a 1x1 convolution",
                layer.number,
            )


def _pad_before_convolution(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator in ("PAD", "PADV2"):
            takers = _takers(network, layer)
            if not takers or any(taker.operator not in _CONVOLUTIONS for taker in takers):
                names = ", ".join(taker.operator for taker in takers) or "nothing"
                yield Finding(
                    f"{_place(layer)}: padding before {names}",
                    "pad right before a convolution alone, or use its own padding='same'",
                    layer.number,
                )


def _plain_slices(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator in ("SLICE", "STRIDED_SLICE"):
            constants = [t for t in layer.inputs[1:] if t is not None and t.is_constant]
            begin = constants[0].values() if constants else None
            strides = constants[2].values() if layer.operator == "STRIDED_SLICE" and len(constants) > 2 else None
            if begin is None or any(begin) or (strides is not None and any(strides != 1)):
                yield Finding(
                    f"{_place(layer)}: a slice with an offset or a stride, which NNTool computes wrong",
                    "take the part by the strides of a convolution or pool",
                    layer.number,
                )


def _no_half_pixel_resize(network: Network) -> Iterator[Finding]:
    for layer in network.layers:
        if layer.operator.startswith("RESIZE_") and layer.options.get("halfPixelCenters"):
            yield Finding(
                f"{_place(layer)}: a resize by pixel centres, which NNTool computes wrong",
                "resize the image before the network, or with half_pixel_centers=False",
                layer.number,
            )


def _one_type(network: Network) -> Iterator[Finding]:
    kinds = {tensor.dtype for layer in network.layers for tensor in (*layer.activations, *layer.outputs)}
    if {"UINT8", "INT8"} <= kinds:
        layer = next(
            layer for layer in network.layers if len({t.dtype for t in (*layer.activations, *layer.outputs)}) > 1
        )
        yield Finding(
            f"{_place(layer)}: goes from {layer.activations[0].dtype.lower()} to {layer.outputs[0].dtype.lower()}",
            "the whole file must be of one kind: export it with --tflite uint8",
            layer.number,
        )


def _uint8_at_the_ends_alone(network: Network) -> Iterator[Finding]:
    inside = [
        layer
        for layer in network.layers
        if layer.operator != "QUANTIZE" and any(tensor.dtype == "UINT8" for tensor in _tensors(layer))
    ]
    if inside:
        more = f", as do {len(inside) - 1} more layers" if len(inside) > 1 else ""
        yield Finding(
            f"{_place(inside[0])}: computes with uint8{more}; TFLite-Micro computes with int8",
            "export the file with --tflite int8 (uint8 is for GAP8)",
            inside[0].number,
        )


def _symmetric_activations(network: Network) -> Iterator[Finding]:
    """NNTool makes all activations symmetric; what is signed but not symmetric, or padded later, loses resolution."""
    padded = [
        layer
        for layer in network.layers
        if layer.operator in _CONVOLUTIONS and _padding(layer) > 0 and any(_is_unsigned(t) for t in layer.activations)
    ]
    signed = [layer for layer in network.layers if any(_lost_bits(tensor) > 0.2 for tensor in layer.outputs)]
    if padded:
        names = ", ".join(layer.name for layer in padded[:3]) + (", ..." if len(padded) > 3 else "")
        yield Finding(
            f"{len(padded)} padded convolutions take ReLU outputs ({names}): NNTool halves their resolution",
            "nothing must be done; judge by the plates that NNTool's own emulation reads",
            is_warning=True,
        )
    for layer in signed:
        if layer.operator != "RESHAPE":
            lost = max(_lost_bits(tensor) for tensor in layer.outputs)
            yield Finding(
                f"{_place(layer)}: its output is signed and not symmetric ({layer.outputs[0].quantization}): NNTool "
                f"makes it symmetric, which costs {lost:.1f} of its 8 bits",
                "nothing must be done for the logits; inside the network, a ReLU keeps the resolution",
                layer.number,
                is_warning=True,
            )


_FORMS: dict[str, Callable[[Network], Iterator[Finding]]] = {
    "static_shapes": _static_shapes,
    "batch_1": _batch_1,
    "at_most_4_dimensions": _at_most_4_dimensions,
    "no_custom_operators": _no_custom_operators,
    "average_pool_without_padding": _average_pool_without_padding,
    "flat_fully_connected": _flat_fully_connected,
    "pad_before_convolution": _pad_before_convolution,
    "plain_slices": _plain_slices,
    "no_half_pixel_resize": _no_half_pixel_resize,
    "one_type": _one_type,
    "uint8_at_the_ends_alone": _uint8_at_the_ends_alone,
    "symmetric_activations": _symmetric_activations,
}


def _place(layer: Layer) -> str:
    return f"layer {layer.number} `{layer.name}`"


def _tensors(layer: Layer) -> list[Tensor]:
    """The tensors that are computed with: not shapes and axes."""
    constants = [tensor for tensor in layer.inputs if tensor is not None and tensor.is_constant and tensor.scales]
    return [*layer.activations, *constants, *layer.outputs]


def _takers(network: Network, layer: Layer) -> list[Layer]:
    given = {tensor.index for tensor in layer.outputs}
    return [other for other in network.layers if any(tensor.index in given for tensor in other.activations)]


def _padding(layer: Layer) -> int:
    """Rows and columns of padding that 'same' adds to a convolution or pool of this shape."""
    if layer.options.get("padding") != _SAME or not layer.activations:
        return 0
    sizes = layer.activations[0].shape[1:3]
    strides = (layer.options["strideH"], layer.options["strideW"])
    kernels: tuple[int, ...]
    if "filterHeight" in layer.options:
        kernels = (layer.options["filterHeight"], layer.options["filterWidth"])
    else:
        weights = layer.inputs[1]
        kernels = weights.shape[1:3] if weights is not None else (1, 1)
    return sum(
        max((-(-size // stride) - 1) * stride + kernel - size, 0)
        for size, stride, kernel in zip(sizes, strides, kernels, strict=True)
    )


def _is_flat(tensor: Tensor) -> bool:
    return tensor.elements == abs(tensor.shape[-1])


def _limits(tensor: Tensor) -> tuple[float, float] | None:
    """Real values that the smallest and the largest integer stand for."""
    if len(tensor.scales) != 1 or tensor.dtype not in ("UINT8", "INT8"):
        return None
    low, high = (0, 255) if tensor.dtype == "UINT8" else (-128, 127)
    return (low - tensor.zero_points[0]) * tensor.scales[0], (high - tensor.zero_points[0]) * tensor.scales[0]


def _is_unsigned(tensor: Tensor) -> bool:
    limits = _limits(tensor)
    return limits is not None and limits[0] == 0


def _lost_bits(tensor: Tensor) -> float:
    """How much of 8 bits a signed tensor loses when its range is made symmetric."""
    limits = _limits(tensor)
    if limits is None or limits[0] >= 0:
        return 0.0
    low, high = limits
    return math.log2(2 * max(-low, high) / (high - low))


def _fix_of_refusal(network: Network, findings: Sequence[Finding]) -> str:
    if findings:
        return f"what is named above first: {findings[0].fix}"
    if any(tensor.dtype == "FLOAT32" for layer in network.layers for tensor in _tensors(layer)):
        return "export the file with --tflite int8"
    return "see which layer the words name; the safe operators are those of the target gap8"


def _kib(size: int) -> str:
    return f"{size / 1024:,.1f} KiB"
