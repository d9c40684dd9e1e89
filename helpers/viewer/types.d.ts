// What the parts of the viewer hand to each other, for the checker alone: it is no part of the script.
// Lengths and places on a canvas are CSS pixels, [x, y]; a pixel is [row, column]; a point is LPS mm.

type Vector = number[];
type Matrix = Vector[]; // 3 x 4
type Size = { width: number; height: number };

interface WindowVoi {
  name: string;
  center: number;
  width: number;
  function: "LINEAR" | "LINEAR_EXACT" | "SIGMOID";
  values?: undefined;
}
interface TableVoi {
  name: string;
  values: number[];
  greys: number[]; // 0 to 1
  center?: undefined;
  width?: undefined;
}
type Voi = WindowVoi | TableVoi;
/** A window that the kernel takes from the values once it is chosen. */
type UnknownVoi = { name: string; center?: undefined; width?: undefined; values?: undefined };
type Look = { voi: Voi | null; inverted: boolean; table: Uint8Array | null; ramp?: Ramp };
/** The colours (as 32 bits) of values from `low` on, `scale` of them for each unit; that of padding. */
type Ramp = { low: number; scale: number; colours: Int32Array; padding: number };
/** Of each of the screen's pixels along an axis, the picture's on both sides, and the share of the one behind. */
type Axis = { near: Int32Array; next: Int32Array; share: Float32Array; isWhole: boolean };
/** A row of a picture at the screen's columns; weights are of what is no padding. */
type Line = { row: number; sums: Float32Array; weights: Float32Array };
/** Which pixels are padding, and which rows have some. */
type Lost = { at: Uint8Array; rows: Uint8Array };
/** A picture at the screen's pixels: which of its own are there, or the values between them. */
type Picked = { values: Int16Array; columns: number; down: Axis; right: Axis; lost: Lost | null; mixed?: undefined };
type Sampled = Picked | { mixed: Float32Array };
type Limits = { low: number; high: number };
type Histogram = Limits & { counts: number[] };

/** Where a picture lies: its pixels and their spacing [down, right], and how it is zoomed and moved. */
type Geometry = { rows: number; columns: number; spacing: Vector };
type Zoomed = { zoom: number; pan: Vector; maxZoom?: number };
/** Where two fingers are, and zoom and pan with it. */
type Pinched = Zoomed & { middle: Vector; apart: number };
type Placement = Size & { left: number; top: number; scale: number };

type Values = Int16Array | Float32Array;
type Pixels = { values: Values | Uint8Array; padding: Uint8Array | null };
type LabelMap = Uint8Array | Uint16Array;
/** A slice: its own pixels, those of what lies over it, and its label maps with what was traced of them. */
type Found = Pixels & { over?: Pixels; maps?: LabelMap[]; outlines?: Map<string, Path2D>; slab?: string };

/** A slice as it is seen through a window, before its values come. */
type Seen = { values: Uint8Array; padding: Uint8Array | null; voi: Voi; slab?: string };
/** How thick what is shown is, 0 for one slice, and what of its values: "max", "min" or "mean". */
type Slab = { slab_mm: number; slab_how: string };

/** A canvas of the page, and the layers from which it is drawn. */
type View = { canvas: HTMLCanvasElement; layers: Record<string, Layer> };
/** A canvas with one pixel for each of a picture; of which part it is, and seen through what. */
type Layer = {
  canvas: HTMLCanvasElement;
  pen: CanvasRenderingContext2D;
  image: ImageData;
  part?: Part;
  found?: Pixels;
  key?: string;
  sampled?: Sampled;
  look?: Look;
};

/** A plane of a volume: its affine takes (index, row, column, 1) to LPS mm, its inverse back. */
type Plane = Geometry & {
  count: number;
  letters: string[];
  affine: Matrix;
  inverse: Matrix;
  positions: string[];
  words: string[];
};
type Planes = Record<string, Plane>;
type Meta = {
  planes: Planes;
  windows: Voi[];
  histogram: Histogram;
  unit: string;
  inverted: boolean;
  badge: string;
  three_planes: boolean;
};
type Over = Limits & { windows: Voi[]; unit: string; colours: number[] }; // RGBA of 256 greys
type Members = { name: string; labels: string[]; remark: string; one_window: boolean };

type LabelItem = {
  name: string;
  text: string;
  about: string;
  value: number;
  layer: number | null; // null where it has marks alone
  colour: string;
  dashed: boolean;
  counts: Record<string, number[]>; // of pixels, for each slice of each plane
};
type DrawnMark = { shape: string; words: string };
type Mark = DrawnMark & { value: number; places: Record<string, Record<number, Vector[]>> };
type ImageMark = DrawnMark & { places: Vector[] };
type Labels = { items: LabelItem[]; marks: Mark[]; remark: string };
type ImageLabel = { value: number; outline: number[]; marks: ImageMark[] };

/** What is shared with the kernel, or with the other viewers of a page. */
interface Shared<State> {
  get<Name extends keyof State>(name: Name): State[Name];
  set<Name extends keyof State>(name: Name, value: State[Name]): void;
  save(): void;
  on(name: keyof State, tell: () => void): void;
  off?(): void;
}
type LabelState = { hidden_labels: number[]; label_fill?: number };
type VolumeState = LabelState & Slab & {
  measured?: Measure[];
  plane: string;
  index: number;
  position_mm: Vector;
  voi: Voi;
  member: number;
  opacity: number;
  over_voi: Voi;
  interpolation: string; // "linear" or "nearest"
  view_mm?: Vector | null; // what is seen, of linked viewers: see places.js; null of a single one
};
type ImageState = LabelState & { index: number; preset: string; customs: Record<number, Voi>; measured?: Measure[] };

/** Where a volume comes from: see volume.js, members.js, overlay.js and labels.js. */
interface Source extends Shared<VolumeState> {
  readonly meta: Meta;
  readonly shown: number;
  members?: Members | null;
  over?: Over | null;
  labels?: Labels | null;
  statistics?(item: Measure): Statistics | null | undefined; // where the kernel has values that the browser has not
  about(member: number): Meta | undefined;
  show(member: number): void;
  slice(plane: string, index: number, ahead?: boolean, member?: number, slab?: Slab): Found | null;
  seen?(plane: string, index: number): Seen | null; // where values come later
  arrived(tell: (plane?: string, index?: number) => void): void;
  failed(tell: (text: string, member?: number) => void): void;
}
/** What a person does to a volume: see moves.js. */
interface Moves {
  plane(): Plane;
  others(): string[];
  indexOf(name: string, meta?: Meta): number;
  change(values: Partial<VolumeState>): void;
  setIndex(index: number): void;
  setPosition(point: Vector): void;
  setPlane(name: string): void;
  setVoi(voi: Voi): void;
  setOverVoi(voi: Voi): void;
  ahead(): void;
  follow(): void;
  isChanging(): boolean;
}
type State = Zoomed & {
  tool: string;
  three: boolean;
  playing: number;
  pointed: Vector | null;
  look: Look | null;
  isRough: boolean; // drawn in CSS pixels, while it moves
  label?: () => string;
};
interface MemberSlider {
  step(by: number, round?: boolean): void;
  draw(): void;
  waits(): boolean;
  label(): string;
}

/** Images that follow each other, and how long each is shown, in ms. */
type Run = {
  start: number;
  stop: number;
  ms?: number[];
  source?: string;
  sweeps?: boolean;
};
type Plan = { order: number[]; starts: number[]; total: number; rate: number; ahead: number };
/** Pixels of an image, or of a part of it: each stands for `factors` [down, right] of the image. */
type Part = {
  index: number;
  box?: Vector; // [first row, last row, first column, last column], the last not included; none: all
  factors: Vector;
  size: Vector;
  rgb?: Uint8Array;
  values?: Values;
  padding: Uint8Array | null;
  unit: string;
  estimated?: boolean;
};
type Detail = Part & { box: Vector };
type ImageFound = Part &
  Geometry & {
    error?: undefined;
    run: Run;
    label: string;
    number?: string;
    badge: string;
    words: string[];
    upper: string[];
    letters: string[];
    spacing_unit: string;
    length_unit: string;
    inverted: boolean;
    voi: Voi | null;
    windows: (Voi | UnknownVoi)[];
    histogram: Histogram;
    labels?: ImageLabel[];
  };
type ImageFailed = {
  error: string;
  index: number;
  run: Run;
  label: string;
  number?: string;
  badge: string;
  rows?: undefined;
  columns?: undefined;
};
type AnyImage = ImageFound | ImageFailed;
type Told =
  | { type: "image"; index: number }
  | (Detail & { type: "part" })
  | { type: "value"; index: number; row: number; column: number; text: string }
  | { type: "window"; index: number; name: string; voi: Voi }
  | { type: "measured"; index: number };
/** Where images come from: see images.js. */
interface ImageSource extends Shared<ImageState> {
  meta: { count: number };
  labels?: Labels | null;
  statistics?(item: Measure): Statistics | null | undefined;
  image(index: number, ahead?: boolean): AnyImage | null;
  has(index: number): boolean;
  part(index: number, box: Vector, factors: Vector): void;
  value(index: number, row: number, column: number): void;
  named(index: number, name: string): void;
  arrived(tell: (told: Told) => void): void;
  screen?(box: () => Size): void;
}
type ImagesState = Zoomed & {
  tool: string;
  maxZoom: number;
  pointed: Vector | null;
  shown: AnyImage | null;
  step: number; // direction of the last one
  look: Look | null;
};

/** What mouse, pen, fingers and keys act on: see pointer.js. */
interface Stepped {
  index(): number;
  count(): number;
  way(): number; // the step of the index that is "on": 1 or -1
  setIndex(index: number): void;
}
interface Windowed {
  voi(): Voi | null;
  setVoi(voi: Voi): void;
  range(): Limits;
}
interface Host extends Stepped, Windowed {
  point(at: Vector): void;
  pointBy(down: number, right: number): void;
  doubled(at: Vector): void;
  fit(): void;
  toggle(): void;
  help(): void;
  hint(): void;
  moved(): void;
  draw(): void;
  tell(): void;
}

/** Those who want to hear of something, and what tells them. */
interface Listeners<Told extends any[]> {
  add(tell: (...told: Told) => void): void;
  tell(...told: Told): void;
}
/** What was used last. */
interface LastUsed<Key, Value> {
  has(key: Key): boolean;
  get(key: Key): Value | null;
  put(key: Key, value: Value): void;
}

/** A widget's model, as anywidget hands it over. */
interface Model {
  get(name: string): any;
  set(name: string, value: unknown): void;
  save_changes(): void;
  send(message: object): void;
  on(name: string, tell: (...told: any[]) => void): void;
  off(name: string, tell: (...told: any[]) => void): void;
}

/** Slices as a page holds them: JPEG or PNG pictures of bytes, in base64, which are `scale` [low, step] of values. */
type StoredBytes = {
  shape: Vector;
  stored: string; // the plane whose slices they are
  type: string;
  pictures: string[];
  masks: string[]; // of padding
  mask_of: number[]; // which of them each slice has
};
type StoredVolume = StoredBytes & {
  meta: Meta;
  scale: Vector;
  float: boolean;
  strides: Record<string, { origin: number; along: number; down: number; right: number }>;
};
type StoredOver = Over & StoredVolume & { inverse: Matrix };
type StoredLabels = Labels & { maps: string[][] };
type StoredMember = (Partial<Omit<StoredVolume, "meta">> & { meta: Partial<Meta>; failed?: undefined }) | { failed: string } | null;
type StoredData = StoredVolume & {
  note: string;
  state: VolumeState;
  group?: (Members & { members: StoredMember[] }) | null;
  over?: StoredOver | null;
  labels?: StoredLabels | null;
};
type StoredImage = (Omit<ImageFound, "values" | "rgb" | "padding" | "size"> & { jpeg: string; mask: number; low?: number; step: number }) | ImageFailed;
type StoredImages = {
  note: string;
  state: ImageState;
  meta: { count: number; labels?: Labels | null };
  pictures: StoredImage[];
  masks: string[];
};

/** What is measured: in a volume by points in LPS mm, on an image by points [row, column] of its pixels. */
type Measure = { kind: string; plane?: string; points_mm?: Vector[]; index?: number; points?: Vector[] };
type Figures = { length?: number; angle?: number; area?: number };
/** Of the pixels in a shape; `padding` are those left out, `about` where values are those of a page. */
type Statistics = { n: number; mean: number; sd: number; min: number; max: number; padding: number; about?: boolean };
type Box = { low: Vector; high: Vector };
type Units = { unit: string; length_unit: string };
interface AskedStatistics {
  of(item: Measure, more?: string): Statistics | null | undefined;
  answered(told: { key: string; statistics: Statistics | null }): void;
}
/** How measurements lie in what is looked at: see measures.js. */
interface Measured {
  isHere(item: Measure): boolean;
  make(kind: string, pixels: Vector[], plane: string, index: number): Measure;
  pixelsOn(item: Measure, plane: string, index: number): Vector[] | null;
  piecesOn(item: Measure, plane: string, index: number): Vector[][];
  figures(item: Measure): Figures;
  statistics(item: Measure): Statistics | null | undefined;
  units(item: Measure): Units;
  indexOf(item: Measure): number;
  where(item: Measure): string;
}
