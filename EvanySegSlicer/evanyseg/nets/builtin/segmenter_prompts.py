"""Prompts of the built-in segmenter: SAM's tokens (Kirillov et al. 2023), and maps on which prompts are drawn."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from ...segmenters.crops import SIDE as INPUT_SIDE
from ...segmenters.tokens import NEGATIVE, NOT_A_POINT, POSITIVE, TOP_LEFT
from .segmenter_blocks import PixelNorm


class PlaceCode(nn.Module):
    """Sines and cosines of random projections of a place (Tancik et al. 2020), as SAM codes it."""

    positional_encoding_gaussian_matrix: Tensor

    def __init__(self, features: int) -> None:
        super().__init__()
        self.register_buffer("positional_encoding_gaussian_matrix", torch.randn((2, features)))

    def forward(self, places: Tensor) -> Tensor:
        """[..., 2 * features] of places [..., 2] (x, y) in [0, 1]."""
        turned = 2 * math.pi * ((2 * places - 1) @ self.positional_encoding_gaussian_matrix)
        return torch.cat([torch.sin(turned), torch.cos(turned)], dim=-1)


class Prompts(nn.Module):
    """SAM's prompt encoder for prompts of many crops at once, with maps of the prompts besides their tokens.

    Weights are named as in `segment_anything`."""

    MASK_WIDTHS = (4, 16)
    centers: Tensor
    fine_centers: Tensor

    def __init__(self, dim: int) -> None:
        super().__init__()
        grid = INPUT_SIDE // 8
        small, large = self.MASK_WIDTHS
        self.pe_layer = PlaceCode(dim // 2)
        self.point_embeddings = nn.ModuleList(nn.Embedding(1, dim) for _ in range(4))
        self.not_a_point_embed = nn.Embedding(1, dim)
        self.mask_downscaling = nn.Sequential(
            nn.Conv2d(1, small, 2, stride=2), PixelNorm(small), nn.GELU(),
            nn.Conv2d(small, large, 2, stride=2), PixelNorm(large), nn.GELU(),
            nn.Conv2d(large, dim, 1),
        )  # fmt: skip
        self.no_mask_embed = nn.Embedding(1, dim)
        self.maps = nn.Conv2d(4, dim, 3, padding=1)
        self.register_buffer("centers", (torch.arange(grid) + 0.5) * 8, persistent=False)
        self.register_buffer("fine_centers", (torch.arange(4 * grid) + 0.5) * 2, persistent=False)

    def tokens(self, coords: Tensor, labels: Tensor) -> Tensor:
        """[N, T, C] for coords [N, T, 2] (x, y in pixels of the crop) and labels [N, T]."""
        placed = self.pe_layer(coords.float() / INPUT_SIDE)
        real = (labels != NOT_A_POINT).unsqueeze(-1)
        kinds = torch.cat(list(self.point_embeddings.parameters()))[labels.clamp(min=0)]
        return torch.where(real, placed + kinds, self.not_a_point_embed.weight[0].to(placed.dtype))

    def drawn(self, coords: Tensor, labels: Tensor, centers: tuple[Tensor, Tensor]) -> Tensor:
        """[N, 4, h, w]: how deep inside the box (two scales), bumps at positive and at negative points.

        The first two tokens are the box's corners, or no points. `centres`: rows and columns of the grid, in pixels.
        """
        y, x = centers[0].view(1, -1, 1), centers[1].view(1, 1, -1)
        boxed = (labels[:, 0] == TOP_LEFT).view(-1, 1, 1)
        low, high = coords[:, 0, :, None, None], coords[:, 1, :, None, None]
        depth = torch.minimum(
            torch.minimum(x - low[:, 0], high[:, 0] - x), torch.minimum(y - low[:, 1], high[:, 1] - y)
        )
        half = (high - low).amin(1).clamp(min=1) / 2
        inside = torch.sigmoid(depth / 2) * boxed
        central = (depth / half).clamp(-1, 1) * boxed
        at, kind = coords[:, 2:, :, None, None], labels[:, 2:, None, None]
        squared = (x[:, None] - at[:, :, 0]) ** 2 + (y[:, None] - at[:, :, 1]) ** 2
        bumps = torch.exp(-squared / (2 * 10.0**2))
        positive, negative = ((bumps * (kind == label)).amax(1) for label in (POSITIVE, NEGATIVE))
        return torch.stack([inside, central, positive, negative], 1)

    def ellipse(self, coords: Tensor, labels: Tensor, centers: tuple[Tensor, Tensor]) -> Tensor:
        """[N, 1, h, w]: logits of the ellipse inscribed in the box (0 without one), from which training starts."""
        y, x = centers[0].view(1, -1, 1), centers[1].view(1, 1, -1)
        boxed = (labels[:, 0] == TOP_LEFT).view(-1, 1, 1)
        center = ((coords[:, 0] + coords[:, 1]) / 2)[..., None, None]
        radii = ((coords[:, 1] - coords[:, 0]) / 2).clamp(min=1)[..., None, None]
        squared = ((x - center[:, 0]) / radii[:, 0]) ** 2 + ((y - center[:, 1]) / radii[:, 1]) ** 2
        return ((1 - squared).clamp(min=-2) * boxed)[:, None]

    def grid(self, size: tuple[int, int], at: tuple[int, int], fine: bool) -> tuple[Tensor, Tensor]:
        """Centres in pixels of the rows and columns of a grid of `size` cells (8 px, or 2 px where fine)."""
        centers, per_cell = (self.fine_centers, 16) if fine else (self.centers, 4)
        rows, cols = (centers[per_cell * start :][:count] for start, count in zip(at, size, strict=True))
        return rows, cols

    def place_code(self, size: tuple[int, int], at: tuple[int, int]) -> Tensor:
        """[1, C, h, w]: SAM's code of each cell's place."""
        at_rows, at_columns = torch.meshgrid(self.centers, self.centers, indexing="ij")
        whole = self.pe_layer(torch.stack([at_columns, at_rows], -1) / INPUT_SIDE).permute(2, 0, 1)[None]
        return whole[:, :, 4 * at[0] :, 4 * at[1] :][:, :, : size[0], : size[1]]

    def dense(
        self, coords: Tensor, labels: Tensor, centers: tuple[Tensor, Tensor], mask_input: Tensor | None,
        has_mask_input: Tensor | None,
    ) -> Tensor:  # fmt: skip
        """[N, C, h, w] of the drawn prompt and the previous logits [N, 1, 4h, 4w] of those that have them."""
        drawn = self.maps(self.drawn(coords, labels, centers))
        none = self.no_mask_embed.weight.view(1, -1, 1, 1)
        if mask_input is None or has_mask_input is None:
            return drawn + none
        return drawn + torch.where(has_mask_input.view(-1, 1, 1, 1), self.mask_downscaling(mask_input), none)
