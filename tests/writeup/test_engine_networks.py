"""The convolutional networks on the engine, against the step that trains them, in float64."""

import numpy as np
import pytest
import torch
from tests.studies import configured

from rederive.autograd import Tensor, ops
from rederive.errors import UserError
from writeup import cnn_networks, engine_networks
from writeup.engine_networks import ConvolutionalNetwork, compare, forms

FORMS = forms(configured())


def test_every_form_of_the_study_is_compared() -> None:
    specs = FORMS.values()
    assert {spec.optimizer for spec in specs} == {"sgd", "rmsprop", "adam", "adamw"}
    assert {spec.loss for spec in specs} == {"cross_entropy", "kl_divergence"}
    for what in ("batch_norm", "residual", "dropout", "weight_decay", "momentum"):
        assert {bool(getattr(spec, what)) for spec in specs} == {True, False}, what
    assert {(len(spec.conv_channels), spec.kernel_size, spec.padding) for spec in specs} == {(2, 5, 0), (3, 3, 1)}


@pytest.mark.parametrize("name", FORMS)
def test_the_gradient_and_a_hundred_steps_are_those_of_pytorch(name: str) -> None:
    agreement = compare(FORMS[name])
    assert agreement.within_bounds, agreement


def test_a_wrong_gradient_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    backward = ops.ReLU.backward
    monkeypatch.setattr(ops.ReLU, "backward", staticmethod(lambda c, g: backward(c, g) * (1 + 1e-9)))
    agreement = compare(FORMS["cifar10.benchmark"], steps=2)
    assert not agreement.within_bounds


def test_it_evaluates_as_pytorch_does() -> None:
    spec = FORMS["cifar10.residual"]
    theirs = cnn_networks.initial_network(spec, 1).double()
    images = np.random.default_rng(0).uniform(-1, 1, (3, 3, 32, 32))
    theirs(torch.from_numpy(images))  # the running statistics move
    ours = ConvolutionalNetwork(theirs)
    ours.train(False)
    theirs.eval()
    with torch.no_grad():
        expected = theirs(torch.from_numpy(images)).numpy()
    np.testing.assert_allclose(ours(Tensor(np.moveaxis(images, 1, -1))).value, expected, rtol=1e-11)
    assert [name for name, _ in ours.named_parameters()] == [name for name, _ in theirs.named_parameters()]


def test_momentum_that_the_engine_does_not_have_is_refused() -> None:
    spec = FORMS["cifar10.adam"].model_copy(update={"momentum": 0.9})
    with pytest.raises(UserError, match="momentum"):
        engine_networks.optimizer(spec, [])
