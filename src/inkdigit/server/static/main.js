// Wires the parts of the page; every decision is made in one of them.

import { answering } from "./answering.js";
import { toolbar } from "./toolbar.js";
import { Pad } from "./pad.js";
import { View, find } from "./view.js";
import { Why } from "./why.js";

const surface = find(document, "#pad", HTMLElement);
const pad = new Pad(surface, find(surface, "canvas", HTMLCanvasElement));
const view = new View(document);

toolbar(document, pad);
answering(document, pad, view, new Why(document, pad));
