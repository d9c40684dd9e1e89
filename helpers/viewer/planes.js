// A volume's planes. A plane's affine (3 x 4, rows of numbers) takes (index, row, column, 1) to LPS mm; its inverse comes with it.

export const PLANES = ["axial", "coronal", "sagittal"];

export const times = (matrix, [a, b, c]) => matrix.map((row) => row[0] * a + row[1] * b + row[2] * c + row[3]);
export const toPoint = (plane, voxel) => times(plane.affine, voxel);
export const toVoxel = (plane, point) => times(plane.inverse, point);
