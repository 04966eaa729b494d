"""Linear machines against LIBLINEAR's own, against each other, and against the conditions of their minimum."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.datasets import load_digits
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from metrics.base import Unavailable
from metrics.functional import hessians, linear_svm, squared_hinge
from metrics.functional.linear_svm import fit


@pytest.fixture(scope="module")
def digits():
    x, y = load_digits(return_X_y=True)
    return torch.tensor(x[:600] / 16, dtype=torch.float32), torch.tensor(y[:600])


@pytest.fixture(params=["exact", "few at a time", "by conjugate gradients"])
def way(request, monkeypatch):
    if request.param != "exact":
        monkeypatch.setattr(hessians, "DENSE", 0)
    if request.param == "by conjugate gradients":
        monkeypatch.setattr(hessians, "FEW", 0)


def seen(x, standardised, of):
    """Features in float64 as a fit of the images of `of` sees them."""
    x, of = x.double().numpy(), of.double().numpy()
    return StandardScaler().fit(of).transform(x) if standardised else x


def on(machines, number, standardised, of):
    """Weights (K,D) and intercepts (K,) of one fit, on what it sees."""
    weights, intercepts = machines.weights[number].numpy(), machines.intercepts[number].numpy()
    if standardised:
        scaler = StandardScaler().fit(of.double().numpy())
        weights, intercepts = weights * scaler.scale_, intercepts + weights @ scaler.mean_
    return weights, intercepts


def gaps(x, y, weights, intercepts):
    signs = np.where(y.numpy()[:, None] == np.unique(y.numpy()), 1, -1)
    return signs, np.maximum(0, 1 - signs * (x @ weights.T + intercepts))


def objectives(x, y, weights, intercepts):
    penalty = (np.square(weights).sum(1) + np.square(intercepts)) / 2
    return penalty + np.square(gaps(x, y, weights, intercepts)[1]).sum(0)


@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.usefixtures("way")
def test_the_objective_is_no_higher_than_liblinears_and_the_classes_are_its_own(digits, standardised):
    x, y = digits
    z, kept = seen(x, standardised, x[:400]), slice(400)
    theirs = LinearSVC(dual=False, tol=1e-8, max_iter=10_000).fit(z[kept], y[kept].numpy())
    machines = fit(x[kept], y[kept], standardised=standardised)
    ours = objectives(z[kept], y[kept], *on(machines, 0, standardised, x[kept]))
    assert (ours <= objectives(z[kept], y[kept], theirs.coef_, theirs.intercept_) * (1 + 1e-7)).all()
    assert (machines.predict(x[400:]).numpy() == theirs.predict(z[400:])).mean() > 0.994


@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.usefixtures("way")
def test_the_machine_without_a_fold_is_that_of_the_other_images(digits, standardised):
    x, y = (one[digits[1] < 4] for one in digits)
    folds = torch.arange(len(x)) % 3
    machines = fit(x, y, folds, standardised=standardised)
    for number in range(3):
        rest = folds != number
        alone, z = fit(x[rest], y[rest], standardised=standardised), seen(x[rest], standardised, x[rest])
        both = [
            objectives(z, y[rest], *on(*one, standardised, x[rest])) for one in ((machines, number + 1), (alone, 0))
        ]
        assert both[0] == pytest.approx(both[1], rel=1e-6)
    own = machines.predict(x, folds + 1)
    for number in range(3):
        assert torch.equal(own[folds == number], machines.predict(x[folds == number], number + 1))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 10**6),
    st.integers(12, 300),
    st.integers(1, 12),
    st.integers(2, 5),
    st.floats(-3, 3),
    st.floats(-3, 3),
    st.booleans(),
    st.sampled_from([0, 300]),
    st.sampled_from([0, 300]),
)
def test_the_gradient_vanishes_whatever_the_features_are(seed, n, d, k, scale, offset, standardised, exact, few):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, d)) * 10.0 ** rng.uniform(-abs(scale), abs(scale), d) + offset * rng.normal(size=d)
    x[:, : d // 4] = offset  # some do not vary
    y = torch.from_numpy(np.arange(n) % k)
    x = torch.tensor(x + (rng.normal(size=(k, d)) * x.std(0))[y], dtype=torch.float32)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(hessians, "DENSE", exact)
        patched.setattr(hessians, "FEW", few)
        machines = fit(x, y, standardised=standardised)
    z, (weights, intercepts) = seen(x, standardised, x), on(machines, 0, standardised, x)

    def length(weights, intercepts):
        signs, gap = gaps(z, y, weights, intercepts)
        push = 2 * signs * gap
        return np.sqrt(np.square(weights - push.T @ z).sum(1) + np.square(intercepts - push.sum(0)))

    assert (length(weights, intercepts) <= 3e-6 * length(0 * weights, 0 * intercepts)).all()


@pytest.mark.parametrize("small", [1e-2, 1e-3])
@pytest.mark.usefixtures("way")
def test_features_that_hardly_vary_about_a_large_mean_are_fitted_as_they_lie_in_memory(digits, small, monkeypatch):
    monkeypatch.setattr(linear_svm, "CENTRED", 0)
    x, y = (one[digits[1] < 4] for one in digits)
    x = x + torch.randn(x.shape, generator=torch.Generator().manual_seed(0)) / 10
    x = torch.cat([x, 1 + small * x.flip(1)], 1)
    found, expected = fit(x, y, standardised=True), fit(x - x.mean(0), y, standardised=True)
    assert (found.predict(x) == expected.predict(x - x.mean(0))).double().mean() > 0.99


def test_what_cannot_be_fitted_is_refused_with_its_reason(digits, monkeypatch):
    x, y = digits
    with pytest.raises(Unavailable, match="not finite"):
        fit(x.masked_fill(x > 0.9, math.nan), y, standardised=True)
    with pytest.raises(Unavailable, match="two classes"):
        fit(x, torch.zeros_like(y), standardised=True)
    monkeypatch.setattr(squared_hinge, "STEPS", 1)
    with pytest.raises(Unavailable, match="did not come"):
        fit(x, y, standardised=False)


@pytest.mark.parametrize("scale", [1e-30, 1e19, 1e30])
@pytest.mark.parametrize("standardised", [False, True])
@pytest.mark.usefixtures("way")
def test_a_scale_beyond_float32_is_refused_or_fitted(digits, scale, standardised):
    x, y = digits
    try:
        found = fit(x[:100, :20] * scale, y[:100], standardised=standardised)
    except Unavailable:
        return
    assert found.weights.isfinite().all()
