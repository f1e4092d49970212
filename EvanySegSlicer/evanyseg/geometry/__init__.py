"""Volumes, slices and pixels: one place for every front end, numpy only. These are the conventions, stated once.

World. Millimetres. `Volume` keeps what files say, in LPS (x to the patient's left, y to posterior, z to superior) as
ITK and DICOM do; slice planes and scenes speak RAS. `anatomy.LPS_TO_RAS` is the one change between them.

Voxels. Indices (i, j, k) in the file's own order, i fastest; arrays are [K, J, I] or [K, J, I, C]. The centre of voxel
(i, j, k) has these whole numbers; the voxel reaches half a step to each side.

Slices. A slice lies across one voxel axis and is named after the anatomical axis nearest to that: sagittal, coronal
or axial (every name is given once, whatever the obliqueness). Its index is the file's. Its position is the distance
of its plane from the world's origin along its normal, in mm, R, A or S positive: what Slicer's slice slider shows.

Display frame. The pixels of a slice, and every x and y of a box or point, are those of the slice as a radiologist
sees it (radiological display convention): axial and coronal with the patient's right on the left, sagittal with
anterior on the left; anterior (axial) or superior up. x right, y down; the centre of pixel (row r, column c) is
(c + 0.5, r + 0.5); boxes are half-open, the whole slice is (0, 0, W, H). Networks see this frame in square pixels
(`square_grid`), so one mask has one score, however its file is stored and whichever front end asks. A 2D image without
a geometry (PNG, JPEG) is displayed as it is stored.

File frame. What versions up to 0.1 took boxes in: x along the lower of the slice's two voxel axes, y along the
higher, in voxels from the file's first one. Nothing else uses it; `boxes` converts exactly.
"""
