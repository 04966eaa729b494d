"""The shared backbones: the network that the paper states, at every size it takes, and a line for those it can't take."""

import pytest
import torch
from torch import nn

from methods.parts import BernoulliDecoder, Encoder, GaussianEncoder

SIDES = [(28, 28), (32, 32), (48, 48), (64, 64), (29, 31), (28, 64), (64, 41)]


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 27, 28), (1, 28, 65), (1, 128, 128)])
def test_other_sizes_are_refused_with_those_that_are_possible(shape: tuple[int, int, int]) -> None:
    for network in (Encoder, BernoulliDecoder):
        with pytest.raises(ValueError, match=rf"28 to 64 pixels a side, got {shape[1]}x{shape[2]}.*mlp"):
            network(shape, 7, "conv32")


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(("height", "width"), SIDES)
def test_conv32_sees_and_paints_every_pixel(height: int, width: int, channels: int) -> None:
    """None is lost in padding, strides or cropping: each moves the code, and each is moved by it."""
    shape = (channels, height, width)
    x = torch.rand(4, *shape, requires_grad=True)
    encoder, decoder = Encoder(shape, 5, "conv32").eval(), BernoulliDecoder(shape, 5, "conv32").eval()
    code = encoder(x)
    assert code.shape == (4, 5)
    assert code.dtype == torch.float32
    (code**2).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum(0).all()
    logits = decoder(torch.randn(200, 5)).logits
    assert logits.shape == (200, *shape)
    assert (logits.var(0) > 0).all()


def test_conv32_is_the_network_of_the_paper() -> None:
    """Three of 32 filters, 4x4, stride 2; 256; batch-norm and ReLU after all but the last of encoder and of decoder."""
    encoder, decoder = Encoder((1, 28, 28), 30, "conv32"), BernoulliDecoder((1, 28, 28), 20, "conv32")
    for module, kind in ((encoder, nn.Conv2d), (decoder, nn.ConvTranspose2d)):
        convolutions = [layer for layer in module.modules() if isinstance(layer, kind)]
        assert [(c.kernel_size, c.stride) for c in convolutions] == [((4, 4), (2, 2))] * 3
        leaves = [layer for layer in module.modules() if not list(layer.children())]
        weighted = [
            i for i, layer in enumerate(leaves) if isinstance(layer, (nn.Linear, nn.Conv2d, nn.ConvTranspose2d))
        ]
        for i in weighted[:-1]:
            assert isinstance(leaves[i + 1], (nn.BatchNorm1d, nn.BatchNorm2d))
            assert isinstance(leaves[i + 2], nn.ReLU)
        assert not any(isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d, nn.ReLU)) for layer in leaves[weighted[-1] :])
    widths = [layer.out_features for layer in encoder.modules() if isinstance(layer, nn.Linear)]
    assert widths == [256, 30]
    # 16 weights a filter and channel, two figures of batch-norm a feature; 28 pixels are padded to 32, so maps are 4x4.
    convolved = 16 * 32 + 2 * (16 * 32 * 32) + 3 * 64
    assert sum(p.numel() for p in encoder.parameters()) == convolved + 512 * 256 + 2 * 256 + 256 * 30 + 30
    dense = 20 * 256 + 2 * 256 + 256 * 512 + 2 * 512
    assert sum(p.numel() for p in decoder.parameters()) == dense + convolved - 64 + 1


def test_padding_shows_the_encoder_a_black_border() -> None:
    """28 pixels see what 32 see with two black rows and columns around them."""
    small, large = Encoder((1, 28, 28), 5, "conv32").eval(), Encoder((1, 32, 32), 5, "conv32").eval()
    large.load_state_dict(small.state_dict())
    x = torch.rand(3, 1, 28, 28)
    assert torch.allclose(small(x), large(nn.functional.pad(x, (2, 2, 2, 2))), atol=1e-6)
    decoder, whole = (
        BernoulliDecoder((1, 28, 28), 5, "conv32").eval(),
        BernoulliDecoder((1, 32, 32), 5, "conv32").eval(),
    )
    whole.load_state_dict(decoder.state_dict())
    z = torch.randn(3, 5)
    assert torch.allclose(decoder(z).logits, whole(z).logits[..., 2:-2, 2:-2], atol=1e-6)


OWN = {"mlp": 500, "mlp-256": 256, "mlp-softplus": 500, "conv32": 256}


@pytest.mark.parametrize("backbone", OWN)
def test_hidden_is_the_backbones_own_unless_given(backbone: str) -> None:
    def widths(hidden: int | None) -> set[int]:
        encoder = GaussianEncoder((1, 28, 28), 5, backbone, hidden)
        return {layer.in_features for layer in encoder.modules() if isinstance(layer, nn.Linear)} - {784, 512}

    assert widths(None) == {OWN[backbone]}
    assert widths(17) == {17}


@pytest.mark.parametrize("backbone", OWN)
def test_joined_columns_reach_code_and_image(backbone: str) -> None:
    shape = (1, 28, 28)
    encoder = Encoder(shape, 5, backbone, extra=3).eval()
    decoder = BernoulliDecoder(shape, 5, backbone, extra=3).eval()
    x, z = torch.rand(2, *shape), torch.randn(2, 5)
    one, other = torch.zeros(2, 3), torch.ones(2, 3)
    assert not torch.allclose(encoder(x, one), encoder(x, other))
    assert not torch.allclose(decoder(z, one).logits, decoder(z, other).logits)


def test_mlp_softplus_is_the_network_of_the_paper() -> None:
    """000_2852ba8d0aec7d1a.txt, Tables 1 and 2: 784-500-500-2D and D-500-500-784, softplus between."""
    encoder, decoder = (
        GaussianEncoder((1, 28, 28), 20, "mlp-softplus"),
        BernoulliDecoder((1, 28, 28), 20, "mlp-softplus"),
    )
    for network, sizes in ((encoder, [784, 500, 500, 40]), (decoder, [20, 500, 500, 784])):
        layers = [m for m in network.modules() if isinstance(m, nn.Linear)]
        assert [layers[0].in_features, *(layer.out_features for layer in layers)] == sizes
        assert sum(isinstance(m, nn.Softplus) for m in network.modules()) == 2
        assert not any(isinstance(m, nn.ReLU) for m in network.modules())
