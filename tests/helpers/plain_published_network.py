"""The authors' map network, written plainly for the test, with their names of the weights."""

import torch
import torch.nn.functional as F
from torch import nn


class Block(nn.Module):
    def __init__(self, one, two, bias):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(one, two, 3, padding=1, bias=bias),
            nn.LeakyReLU(),
            nn.Conv2d(two, two, 3, padding=1, bias=bias),
            nn.LeakyReLU(),
        )

    def forward(self, x):
        return self.conv_block(x)


class Encoder(nn.Module):
    def __init__(self, inputs, width, stages, bias):
        super().__init__()
        widths = [inputs, *(width * 2**stage for stage in range(stages))]
        self.enc_blocks = nn.ModuleList(
            Block(widths[i], widths[i + 1], bias) for i in range(stages)
        )

    def forward(self, x):
        found = []
        for block in self.enc_blocks:
            x = block(x)
            found.append(x)
            x = F.max_pool2d(x, 2)
        return found


class Decoder(nn.Module):
    def __init__(self, width, stages, bias):
        super().__init__()
        widths = [width * 2**stage for stage in reversed(range(stages))]
        self.upconvs = nn.ModuleList(
            nn.Conv2d(widths[i], widths[i + 1], 3, padding=1, bias=bias) for i in range(stages - 1)
        )
        self.dec_blocks = nn.ModuleList(
            Block(widths[i], widths[i + 1], bias) for i in range(stages - 1)
        )

    def forward(self, x, features):
        for i in range(len(self.dec_blocks)):
            x = F.interpolate(x, features[i].shape[2:], mode="bilinear", align_corners=False)
            x = torch.cat([self.upconvs[i](x), features[i]], dim=1)
            x = self.dec_blocks[i](x)
        return x


class Net(nn.Module):
    def __init__(self, inputs, outputs, width=4, stages=2, bias=True):
        super().__init__()
        self.encoder = Encoder(inputs, width, stages, bias)
        self.decoder = Decoder(width, stages, bias)
        self.c1x1 = nn.Conv2d(width, outputs, 1, bias=bias)

    def forward(self, x):
        features = self.encoder(x)
        return self.c1x1(self.decoder(features[-1], features[::-1][1:]))


class Model(nn.Module):
    """What a checkpoint is the state dict of."""

    def __init__(self, filters, inputs, outputs, raw=12.0, **network):
        super().__init__()
        self.d_filter = nn.Parameter(filters[:, None], requires_grad=False)
        self.cnn_block_reg_parameter = Net(inputs, outputs, **network)
        self.lambda_reg_raw = nn.Parameter(torch.zeros(1))
        self.lambda_reg_high_pass_raw = nn.Parameter(torch.tensor(raw))

    @property
    def beta(self):
        return float(F.softplus(1.5 * self.lambda_reg_high_pass_raw) / 1.5)
