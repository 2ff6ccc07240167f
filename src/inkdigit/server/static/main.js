// Wires the parts of the page; every decision is made in one of them.

import { answering } from "./answering.js";
import { intake } from "./intake.js";
import { NumbersView } from "./numbers.js";
import { Pad } from "./pad.js";
import { PictureView } from "./picture.js";
import { picturing } from "./picturing.js";
import { Scene } from "./scene.js";
import { toolbar } from "./toolbar.js";
import { View, find } from "./view.js";
import { Why } from "./why.js";

const surface = find(document, "#pad", HTMLElement);
const pad = new Pad(surface, find(surface, "canvas", HTMLCanvasElement));
const scene = new Scene(find(document, ".sheet", HTMLElement));
const view = new View(document);
const numbers = new NumbersView(document);

toolbar(document, pad, scene);
answering(document, { pad, scene, view, numbers, why: new Why(document, pad) });
picturing(document, { scene, view, numbers, picture: new PictureView(document) });
intake(document, scene);
