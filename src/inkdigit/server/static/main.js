// Wires the parts of the page; every decision is made in one of them.

import { Access } from "./access.js";
import { answering } from "./answering.js";
import { adapt } from "./api.js";
import { Correcting } from "./correcting.js";
import { intake } from "./intake.js";
import { keeping } from "./keeping.js";
import { Learner } from "./learner.js";
import { Learning } from "./learning.js";
import { Memory, randomToken, storeOf } from "./memory.js";
import { NumbersView } from "./numbers.js";
import { Pad } from "./pad.js";
import { PictureView } from "./picture.js";
import { picturing } from "./picturing.js";
import { Scene } from "./scene.js";
import { sharing } from "./sharing.js";
import { toolbar } from "./toolbar.js";
import { View, find } from "./view.js";
import { Why } from "./why.js";

const surface = find(document, "#pad", HTMLElement);
const pad = new Pad(surface, find(surface, "canvas", HTMLCanvasElement));
const scene = new Scene(find(document, ".sheet", HTMLElement));
const view = new View(document);
const numbers = new NumbersView(document);

const access = new Access(document, storeOf(() => window.sessionStorage));
const memory = new Memory(storeOf(() => window.localStorage));
const correcting = new Correcting(document, randomToken);
const adaptUrl = new URL("api/v1/adapt", document.baseURI);
const learner = new Learner(memory, (drawings, signal) => adapt(adaptUrl, drawings, { signal, fetch: access.fetch }));
const learning = new Learning(document, learner);

toolbar(document, pad, scene);
const { rest } = answering(document, { pad, scene, view, numbers, why: new Why(document, pad), correcting, learner, learning, access });
keeping(document, { correcting, memory, access });
picturing(document, { scene, view, numbers, picture: new PictureView(document), access });
intake(document, scene);
sharing(document, { pad, scene, view, rest });
