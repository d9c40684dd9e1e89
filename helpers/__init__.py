"""Thin helpers that the notebooks stand on.

    a folder → files → headers → frames → stacks → volume → slice → picture
                                             │        └───────────→ browser
                                             └→ cohort → fastai

Each stage hands plain data to the next: paths, a DataFrame, a `Volume`, a `Slice`.

============== ====================================================================
module         the question it answers
============== ====================================================================
anatomy        What is where in a chest?
jpeg           How is an image of 12 bits written as JPEG?
pixel_faults   What can be wrong with the pixels of a scan?
faults         What can be wrong with a file or a stack?
variants       What is unusual in a scan and yet right?
scans          Which scans make up the phantom?
phantom        What does a collection look like whose every answer is known?
files          Which files are here?
identity       What stands in place of a value that could identify a person?
values         What does the value of a data element say, in Python's own types?
reading        What does the header of one file say? (read by pydicom, whatever the file)
structure      Where does each element of a header end?
meaning        What does one data element mean, given those before it?
elements       What do the first kilobytes of one file say? (fast, where that is sure)
scan           What do many files say? (through any executor, in order)
columns        How do rows become columns?
cache          What did we read last time, and is it still true?
tree           What does one header say, element by element, and in what do headers differ?
keywords       Which keywords does DICOM know, and what do they mean?
summary        What does a collection say of each keyword?
headers        What does every header say?
export         How does the header table leave for other programs?
clinical       What else is known of the patients?
orientation    Which patient direction does an axis point to?
grid           Do the images of a stack lie on a regular grid, and where?
images         Which rows of the header table hold an image?
splitting      Which images of a series belong to one stack?
frames         What does every frame of a multi-frame object say?
order          In which order do the images of a stack lie?
stacks         Which files form a stack, in which order, how far apart?
threads        How is work done several at a time?
window         How do values become grey?
choice         Which view is asked for, and which do the values themselves suggest?
host           Where does this run: who shows what a cell returns, how is a package installed?
codecs         Which decoder turns compressed bytes into values, and lets other threads work meanwhile?
frame_header   What does the header of a file say of one of its frames?
padding        Where does an image hold no measured value?
luts           What does a look-up table in a header say?
rescale        What do stored values mean?
views          Which views of its values does a file offer?
pixels         What are the values of one image?
native         What are the values of an uncompressed image?
voxels         What are the values of a stack's images, as one array?
slice          What is one image, ready to be drawn?
planes         How do the planes of a patient lie in an array of voxels?
volume         What are the voxels of a stack, and where are they in the patient?
conversion     How does a volume turn, straighten, and leave for SimpleITK and nibabel?
saving         How does a picture leave for other programs?
decoders       Which transfer syntaxes are here, and can this environment decode them?
statistics     What do the pixels of every image say?
rules          What is a rule of the audit, and what does it look at?
file_rules     What can be wrong with single files?
series         How do the stacks of one series differ, and what explains a gap?
series_rules   What can be wrong with a series?
stack_rules    What can be wrong with a stack?
pixel_rules    What can be wrong with the pixels?
audit          What is wrong here, and what does it do to a picture or a number?
privacy        What here could identify a person?
overlay        What stands on a picture?
pictures       A slice, drawn.
in_patient     Where in the patient does an image lie?
plots          A table, drawn.
evidence       A finding of the audit, shown.
exercises      Faults to find oneself.
still          What remains of a viewer where nothing moves?
viewer_data    What does the viewer need to know of a volume?
page           How does a viewer live on without a kernel?
volume_browser A volume, browsed.
stack_browser  Which stack shall be looked at?
header_browser The headers of a stack, browsed.
browser        All of these, whatever shows them.
cohort         Which slices shall a network see, of whom, and who is held out?
learn          How do they enter fastai?
outcomes       What did a reader or a network make of the files, drawn.
overview       What is in a collection, what is wrong with it, what does it look like, in a few lines?
veil           How is a collection explored so that what comes of it does not say whose it is?
binding        How do executed pages become one site?
site           The pages, executed and bound into one HTML site.
disclosure     What would a text give away of this computer, or of a person?
kernel_cells   Which cells carry the helpers that a page imports?
kernel_facts   What does Kaggle need to know of a kernel?
kaggle         The pages, each as a Kaggle kernel that carries the helpers it imports.
============== ====================================================================

Conventions, stated here and nowhere else:

- Patient frame: DICOM's LPS+ in millimetres (x to the Left, y to Posterior, z to Head).
- Arrays are ``(slices, rows, columns)``. `Volume.affine` is ``(4, 4)`` and maps
  ``(slice, row, column, 1)`` to LPS mm; its first column is the step from slice to
  slice, tilt included. Its determinant is negative by the order of the indices.
- Slices of a stack run along ``+cross(row cosines, column cosines)``; `position_mm` and
  `spacing_mm` are distances along that normal.
- Pixel spacing is ``(row spacing, column spacing)``: vertical first (PS3.3 10.7.1.3).
- Letters: R L A P H F, several on an oblique plane, the largest component first.
- Columns of the header table are DICOM keywords. One value is a scalar, several are a
  tuple, missing is None or NaN.
"""


class ClearError(Exception):
    """An error meant for people: a notebook shows it as one line, without a traceback.

    Its text says what was expected, what was found, where, and how to go on.
    """

    def _render_traceback_(self):
        """Lines that IPython prints in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class WrongTypeError(ClearError, TypeError):
    """A value of another kind than is needed."""


def expect(value, kind, where_from):
    """Refuses a value that is no `kind` (a type, or a tuple of them), in one line that says where to take the right one from."""
    if not isinstance(value, kind):
        names = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise WrongTypeError(f"expected a {names} ({where_from}), got {type(value).__name__}")
