/* Explorer: the sweep of one grade, moved by hand. Everything drawn here was computed before. */
(() => {
  "use strict";

  const make = (tag, attributes = {}, ...inside) => {
    const made = document.createElement(tag);
    Object.entries(attributes).forEach(([name, value]) => made.setAttribute(name, value));
    made.append(...inside);
    return made;
  };
  const number = (value, decimals) => (value === null ? "\u2013" : value.toFixed(decimals).replace("-", "\u2212"));
  const percent = (share) => (share === null ? "a few" : `${Math.round(100 * share)} %`);
  const ink = (color) => {
    const [r, g, b] = [1, 3, 5].map((at) => parseInt(color.slice(at, at + 2), 16) / 255);
    return 0.299 * r + 0.587 * g + 0.114 * b > 0.5 ? "#000000" : "#ffffff";
  };
  const nearest = (values, value) =>
    values.reduce((best, each, at) => (Math.abs(each - value) < Math.abs(values[best] - value) ? at : best), 0);

  class Explorer {
    constructor(root, data) {
      this.root = root;
      this.data = data;
      this.arm = data.arm;
      this.hovered = -1;
      this.lit = -1;
      this.memory = `kneephen-peeked-${location.pathname}`;
      this.peeked = this.remember();
      this.build();
      this.take();
      this.follow(location.hash, true);
      this.draw();
      addEventListener("hashchange", () => this.follow(location.hash, false));
      new ResizeObserver(() => this.paint()).observe(this.canvas);
      new MutationObserver(() => this.paint()).observe(document.documentElement, {
        attributes: true, attributeFilter: ["data-theme"],
      });
    }

    /* --- what is chosen --- */
    get own() { return this.data.arms[this.arm]; }
    get setting() { return this.at(this.size, this.sample); }
    get partition() { return this.own.partitions[this.setting.partition]; }
    at(size, sample) { return this.own.settings[sample * this.own.sizes.length + size]; }
    groups(setting) { return this.own.partitions[setting.partition].groups.length - 1; }

    take() { /* the setting of the run */
      const place = Math.max(this.own.settings.findIndex((each) => each.taken), 0);
      this.size = place % this.own.sizes.length;
      this.sample = Math.floor(place / this.own.sizes.length);
    }

    remember() {
      try { return localStorage.getItem(this.memory) === "yes"; } catch { return false; }
    }

    peek() {
      this.peeked = true;
      try { localStorage.setItem(this.memory, "yes"); } catch { /* private windows forget */ }
      this.shown = null;
      this.draw();
    }

    /* --- links such as #grade=2&min_cluster_size=40&arm=image --- */
    follow(hash, first) {
      const asked = new URLSearchParams(hash.slice(1));
      if (!["grade", "arm", "min_cluster_size", "min_samples"].some((name) => asked.has(name))) return;
      const grade = asked.get("grade");
      if (grade !== null && /^[0-4]$/.test(grade) && Number(grade) !== this.data.grade) {
        location.replace(location.pathname.replace(/grade_\d/, `grade_${grade}`) + hash);
        return;
      }
      if (asked.get("arm") in this.data.arms) { this.arm = asked.get("arm"); this.take(); }
      const size = Number(asked.get("min_cluster_size")), sample = Number(asked.get("min_samples"));
      if (size > 0) this.size = nearest(this.own.sizes, size);
      if (sample > 0) this.sample = nearest(this.own.samples, sample);
      if (asked.get("peeked") === "true") this.peek();
      if (first) requestAnimationFrame(() => this.root.scrollIntoView());
      this.draw();
    }

    get link() {
      const words = { grade: this.data.grade, arm: this.arm, min_cluster_size: this.own.sizes[this.size] };
      words.min_samples = this.own.samples[this.sample];
      if (this.peeked) words.peeked = "true";
      return `#${new URLSearchParams(words)}`;
    }

    get command() {
      const at = `@${this.data.grade}`;
      const words = [`phenotype.min_cluster_size=${this.own.sizes[this.size]}${at}`];
      words.push(`phenotype.min_samples=${this.own.samples[this.sample]}${at}`);
      if (this.peeked) words.push(`phenotype.peeked=true${at}`);
      return `${this.data.command} SET="${words.join(" ")}"`;
    }

    /* --- the parts of the page --- */
    build() {
      this.armChoice = make("select", { "aria-label": "arm" },
        ...Object.keys(this.data.arms).map((name) => make("option", { value: name }, name)));
      this.sizeSlider = make("input", { type: "range", min: 0, step: 1, "aria-label": "min_cluster_size" });
      this.sampleSlider = make("input", { type: "range", min: 0, step: 1, "aria-label": "min_samples" });
      this.sizeOut = make("output");
      this.sampleOut = make("output");
      this.says = make("p", { class: "kx-says", "aria-live": "polite" });
      this.canvas = make("canvas", { tabindex: 0, role: "img" });
      this.picture = make("div", { class: "kx-thumb" });
      this.label = make("span");
      this.tip = make("div", { class: "kx-tip", hidden: "" }, this.picture, this.label);
      this.tipSays = make("p", { class: "kx-unseen", "aria-live": "polite" });
      this.strip = make("table", { class: "kx-strip" });
      this.table = make("table", { class: "kx-table" });
      this.code = make("code", { class: "kx-command" });
      this.peekButton = make("button", { type: "button", class: "kx-peek" }, "Peek at baseline pain");
      this.peekSays = make("span", { class: "kx-peek-says" });
      this.copied = make("span", { class: "kx-copied", role: "status" });
      const copy = make("button", { type: "button", class: "kx-copy" }, "Copy command");
      const copyLink = make("button", { type: "button", class: "kx-copy-link" }, "Copy link");
      const back = make("button", { type: "button", class: "kx-back" }, "Back to the setting of this run");
      this.root.replaceChildren(
        make("div", { class: "kx-controls" },
          make("label", {}, make("span", {}, "arm"), this.armChoice),
          make("label", {}, make("span", {}, "min_cluster_size ", this.sizeOut), this.sizeSlider),
          make("label", {}, make("span", {}, "min_samples ", this.sampleOut), this.sampleSlider)),
        this.says,
        make("div", { class: "kx-views" },
          make("div", { class: "kx-map" }, this.canvas, this.tip, this.tipSays),
          make("div", { class: "kx-scroll", role: "region", tabindex: 0, "aria-label": "Every setting of this arm" }, this.strip,
            make("p", { class: "kx-note" }, "Columns: min_cluster_size, rows: min_samples. Numbers: groups found; the brighter, the more knees are found again. A red edge is a cliff; the setting of this run is underlined."))),
        make("div", { class: "kx-scroll", role: "region", tabindex: 0, "aria-label": "Who the knees of each group are" }, this.table),
        make("p", { class: "kx-note" }, "Medians over the knees of discover people. * went into the groups of this arm, so a difference in it is no finding. Progression is never shown here."),
        make("p", { class: "kx-line" }, this.peekButton, this.peekSays),
        make("pre", { class: "kx-pre", tabindex: 0 }, this.code),
        make("p", { class: "kx-line" }, copy, copyLink, back, this.copied));
      this.armChoice.addEventListener("change", () => { this.arm = this.armChoice.value; this.take(); this.draw(); });
      this.sizeSlider.addEventListener("input", () => { this.size = Number(this.sizeSlider.value); this.draw(); });
      this.sampleSlider.addEventListener("input", () => { this.sample = Number(this.sampleSlider.value); this.draw(); });
      this.peekButton.addEventListener("click", () => this.peek());
      copy.addEventListener("click", () => this.copy(this.command));
      copyLink.addEventListener("click", () => this.copy(location.href.split("#")[0] + this.link));
      back.addEventListener("click", () => { this.take(); this.draw(); });
      this.canvas.addEventListener("pointermove", (event) => this.seek(event));
      this.canvas.addEventListener("pointerdown", (event) => this.seek(event));
      this.canvas.addEventListener("pointerleave", () => this.hover(-1));
      this.canvas.addEventListener("blur", () => this.hover(-1));
      this.canvas.addEventListener("keydown", (event) => this.step(event));
      this.strip.addEventListener("keydown", (event) => this.walk(event));
      if (this.data.sheet) {
        this.picture.style.backgroundImage = `url(${this.data.sheet})`;
        this.picture.style.backgroundSize = `${100 * this.data.across}% auto`;
      }
    }

    async copy(text) {
      try {
        await navigator.clipboard.writeText(text);
        this.copied.textContent = "Copied.";
      } catch {
        getSelection().selectAllChildren(this.code);
        this.copied.textContent = "Selected; copy it with the keyboard.";
      }
    }

    /* --- drawing --- */
    draw() {
      const { sizes, samples } = this.own;
      this.armChoice.value = this.arm;
      this.sizeSlider.max = sizes.length - 1;
      this.sampleSlider.max = samples.length - 1;
      this.sizeSlider.value = this.size;
      this.sampleSlider.value = this.sample;
      this.sizeOut.textContent = sizes[this.size];
      this.sampleOut.textContent = samples[this.sample];
      this.sizeSlider.setAttribute("aria-valuetext", `${sizes[this.size]} knees`);
      this.sampleSlider.setAttribute("aria-valuetext", `${samples[this.sample]} knees`);
      this.copied.textContent = "";
      this.hovered = -1;
      this.tip.hidden = true;
      this.say();
      this.drawStrip();
      this.drawTable();
      this.code.textContent = this.command;
      this.paint();
      if (this.ready) history.replaceState(null, "", this.link);
      this.ready = true;
    }

    say() {
      const { setting, partition } = this, found = this.groups(setting);
      const lines = [`${found} group${found === 1 ? "" : "s"} in the arm ${this.arm}, ${percent(partition.noise)} of the knees in none.`];
      if (found > 1) {
        lines.push(`${number(setting.again, 2)} of the knees are found again; density-based validity ${number(partition.dbcv, 2)}.`);
        const chance = this.chance(setting);
        const drawn = this.own.free ? "each draw with its own best setting" : "each draw at the setting of this run alone, which flatters a setting that was looked for";
        if (chance !== null) lines.push(`Data without groups do as well with p ${chance < 0.001 ? "< 0.001" : chance.toFixed(3)}, ${drawn}.`);
        if (setting.stays != null) lines.push(setting.stays < this.data.same
          ? `The picture makes the groups: they move when the pictures change places (agreement ${number(setting.stays, 2)}).`
          : `The picture hardly makes the groups: they stay when the pictures change places (agreement ${number(setting.stays, 2)}).`);
      }
      const steps = [-1, 1].map((step) => this.cliff(this.size, this.sample, step)).filter(Boolean);
      if (steps.length) lines.push(`A cliff: one step of min_cluster_size changes what is found again by ${Math.max(...steps).toFixed(2)}.`);
      if (setting.taken) lines.push("This is the setting of this run.");
      this.says.textContent = lines.join(" ");
      const what = this.data.x ? "each point is a knee; arrow keys go from knee to knee" : `cells of at least ${this.data.few} knees`;
      this.canvas.setAttribute("aria-label", `Map of the pictures of grade KL${this.data.grade}, coloured by group: ${what}. ${lines[0]}`);
    }

    chance(setting) { /* p against the kind of data without groups that does best */
      const kinds = Object.values(this.data.reference[this.arm]).filter((drawn) => drawn.length);
      const p = kinds.map((drawn) => (1 + drawn.filter((value) => value >= setting.distinct).length) / (1 + drawn.length));
      return p.length ? Math.max(...p) : null;
    }

    cliff(size, sample, step) {
      const next = size + step;
      if (next < 0 || next >= this.own.sizes.length) return 0;
      const fall = Math.abs(this.at(size, sample).again - this.at(next, sample).again);
      return fall >= this.data.cliff ? fall : 0;
    }

    drawStrip() {
      if (this.stripOf !== this.arm) this.buildStrip();
      this.cells.forEach((cell, place) => {
        const here = place === this.sample * this.own.sizes.length + this.size;
        cell.setAttribute("aria-pressed", here);
        cell.tabIndex = here ? 0 : -1;
      });
    }

    buildStrip() {
      const { sizes, samples } = this.own, { ramp } = this.data;
      this.stripOf = this.arm;
      this.cells = [];
      const head = make("tr", {}, make("th", { scope: "col", "aria-label": "min_samples" }), ...sizes.map((size) => make("th", { scope: "col" }, String(size))));
      const rows = samples.map((each, sample) => make("tr", {}, make("th", { scope: "row" }, String(each)), ...sizes.map((_, size) => {
        const setting = this.at(size, sample), found = this.groups(setting);
        const color = ramp[Math.round(setting.again * (ramp.length - 1))];
        const words = `min_cluster_size ${sizes[size]}, min_samples ${each}: ${found} groups, ${number(setting.again, 2)} found again`;
        const cell = make("button", { type: "button", "aria-label": words, title: words }, String(found));
        cell.style.background = color;
        cell.style.color = ink(color);
        if (setting.taken) cell.classList.add("kx-taken");
        cell.addEventListener("click", () => { [this.size, this.sample] = [size, sample]; this.draw(); });
        this.cells.push(cell);
        return make("td", this.cliff(size, sample, -1) ? { class: "kx-cliff" } : {}, cell);
      })));
      this.strip.replaceChildren(
        make("thead", {}, head), make("tbody", {}, ...rows));
    }

    walk(event) {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
      if (!step) return;
      event.preventDefault();
      this.size = Math.min(Math.max(this.size + step[0], 0), this.own.sizes.length - 1);
      this.sample = Math.min(Math.max(this.sample + step[1], 0), this.own.samples.length - 1);
      this.draw();
      this.cells[this.sample * this.own.sizes.length + this.size].focus();
    }

    drawTable() {
      const state = [this.arm, this.setting.partition, this.peeked].join();
      if (this.shown === state) return;
      this.shown = state;
      this.lit = -1;
      const { variables } = this.data, open = variables.slice(0, -1), pain = variables.at(-1);
      const head = ["group", "knees", ...open.map((name, at) => name + (this.own.inputs[at] ? " *" : ""))];
      const covered = pain + (this.own.inputs.at(-1) ? " *" : "");
      const rows = this.partition.groups.map((group, at) => {
        const swatch = make("span", { class: "kx-swatch" });
        swatch.style.background = this.color(at);
        const name = make("button", { type: "button", "aria-pressed": "false", title: "light up on the map" }, swatch, group.name);
        name.addEventListener("click", () => this.light(at));
        const knees = group.knees === null ? `fewer than ${this.data.few}` : String(group.knees);
        const cells = [knees, ...group.values.map((value) => number(value, 1)), this.peeked ? number(group.covered, 1) : "covered"];
        return make("tr", {}, make("th", { scope: "row" }, name), ...cells.map((text) => make("td", {}, text)));
      });
      this.table.replaceChildren(
        make("thead", {}, make("tr", {}, ...[...head, covered].map((text) => make("th", { scope: "col" }, text)))),
        make("tbody", {}, ...rows));
      this.peekButton.hidden = this.peeked;
      this.peekSays.textContent = this.peeked
        ? "Pain was uncovered: the command below says so, and the verdict will call the claims of this grade exploratory."
        : "Tuning on the outcome is how false findings are made: peeking is written into the command, and the verdict then calls the claims of this grade exploratory.";
    }

    light(at) {
      this.lit = this.lit === at ? -1 : at;
      this.table.querySelectorAll("th button").forEach((each, row) => each.setAttribute("aria-pressed", row === this.lit));
      this.paint();
    }

    color(at) {
      const last = this.partition.groups.length - 1;
      return at === last ? this.data.unassigned : this.data.colors[at];
    }

    group(knee) {
      const code = this.partition.labels.charCodeAt(knee) - 65;
      return code < 0 ? this.partition.groups.length - 1 : code;
    }

    /* --- the map --- */
    get scale() {
      const { clientWidth: width, clientHeight: height } = this.canvas, edge = 14;
      return { x: (v) => edge + v * (width - 2 * edge), y: (v) => height - edge - v * (height - 2 * edge), width, height };
    }

    paint() {
      const { scale, canvas } = this, density = devicePixelRatio || 1;
      if (!scale.width) return;
      if (canvas.width !== Math.round(scale.width * density)) canvas.width = Math.round(scale.width * density);
      if (canvas.height !== Math.round(scale.height * density)) canvas.height = Math.round(scale.height * density);
      const pen = canvas.getContext("2d");
      pen.setTransform(density, 0, 0, density, 0, 0);
      pen.clearRect(0, 0, scale.width, scale.height);
      const middles = this.data.x ? this.paintKnees(pen, scale) : this.paintShades(pen, scale);
      this.paintLetters(pen, middles);
      if (this.hovered >= 0) {
        pen.globalAlpha = 1;
        pen.lineWidth = 2.5;
        pen.strokeStyle = getComputedStyle(this.root).color;
        pen.beginPath();
        pen.arc(...this.place(this.hovered, scale), 8, 0, 7);
        pen.stroke();
      }
    }

    place(knee, scale) { return [scale.x(this.data.x[knee] / 1000), scale.y(this.data.y[knee] / 1000)]; }

    paintKnees(pen, scale) {
      const members = this.partition.groups.map(() => []);
      for (let knee = 0; knee < this.data.knees; knee += 1) members[this.group(knee)].push(this.place(knee, scale));
      const radius = this.data.knees > 800 ? 2.6 : 4.2;
      members.map((_, at) => at).reverse().forEach((at) => {
        pen.globalAlpha = this.lit < 0 ? 0.85 : this.lit === at ? 1 : 0.12;
        pen.fillStyle = this.color(at);
        pen.beginPath();
        members[at].forEach(([x, y]) => { pen.moveTo(x + radius, y); pen.arc(x, y, radius, 0, 7); });
        pen.fill();
      });
      const middle = (values) => values.sort((a, b) => a - b)[values.length >> 1];
      return members.slice(0, -1).map((own) => [middle(own.map((p) => p[0])), middle(own.map((p) => p[1]))]);
    }

    paintShades(pen, scale) {
      const { cells } = this.data, side = Math.min(scale.width, scale.height) / cells / 2;
      const middles = this.partition.shades.map(() => null);
      this.partition.shades.map((_, at) => at).reverse().forEach((at) => {
        pen.fillStyle = this.color(at);
        let most = 0;
        this.partition.shades[at].forEach(([column, row, shade]) => {
          const x = scale.x((column + 0.5) / cells), y = scale.y((row + 0.5) / cells);
          pen.globalAlpha = (0.25 + 0.15 * shade) * (this.lit < 0 || this.lit === at ? 1 : 0.15);
          pen.beginPath();
          pen.arc(x, y, side * (0.5 + 0.15 * shade), 0, 7);
          pen.fill();
          if (shade > most) { most = shade; middles[at] = [x, y]; }
        });
      });
      return middles.slice(0, -1);
    }

    paintLetters(pen, middles) {
      pen.globalAlpha = 1;
      pen.font = "bold 15px system-ui, sans-serif";
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineWidth = 4;
      pen.strokeStyle = getComputedStyle(this.canvas).backgroundColor;
      pen.fillStyle = getComputedStyle(this.root).color;
      middles.forEach((middle, at) => {
        if (!middle) return;
        pen.strokeText(this.partition.groups[at].name, ...middle);
        pen.fillText(this.partition.groups[at].name, ...middle);
      });
    }

    /* --- from knee to knee, by pointer or by keyboard --- */
    seek(event) {
      if (!this.data.x) return;
      const box = this.canvas.getBoundingClientRect(), { scale } = this;
      const [left, top] = [event.clientX - box.left, event.clientY - box.top];
      let found = -1, least = 18 * 18;
      for (let knee = 0; knee < this.data.knees; knee += 1) {
        const [x, y] = this.place(knee, scale), far = (x - left) ** 2 + (y - top) ** 2;
        if (far < least) [found, least] = [knee, far];
      }
      if (found !== this.hovered) this.hover(found);
    }

    step(event) {
      const by = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
      if (event.key === "Escape") this.hover(-1);
      if (!by || !this.data.x) return;
      event.preventDefault();
      const last = this.order.length - 1, at = this.order.indexOf(this.hovered);
      this.hover(this.order[at < 0 ? (by > 0 ? 0 : last) : (at + by + last + 1) % (last + 1)]);
    }

    get order() { /* knees from left to right, so a step of the keyboard goes to a neighbour */
      this.sorted = this.sorted || this.data.x.map((_, knee) => knee).sort((a, b) => this.data.x[a] - this.data.x[b]);
      return this.sorted;
    }

    hover(knee) {
      this.hovered = knee;
      this.tip.hidden = knee < 0;
      this.paint();
      if (knee < 0) { this.tipSays.textContent = ""; return; }
      const { name } = this.partition.groups[this.group(knee)], { scale } = this, [x, y] = this.place(knee, scale);
      const words = name.length > 2 ? name : `group ${name}`;
      this.label.textContent = words;
      this.tipSays.textContent = `A knee, ${words}.`;
      this.picture.hidden = !this.data.sheet;
      if (this.data.sheet) {
        const row = Math.floor(knee / this.data.across), rows = Math.ceil(this.data.knees / this.data.across);
        const share = (at, of) => (of > 1 ? (100 * at) / (of - 1) : 0);
        this.picture.style.backgroundPosition = `${share(knee % this.data.across, this.data.across)}% ${share(row, rows)}%`;
      }
      this.tip.style.left = `${Math.max(0, Math.min(x + 12, scale.width - 122))}px`;
      this.tip.style.top = `${Math.max(0, Math.min(y + 12, scale.height - 146))}px`;
    }
  }

  const start = () => document.querySelectorAll(".kneephen-explorer").forEach((root) => {
    const data = root.querySelector('script[type="application/json"]');
    if (data) root.explorer = new Explorer(root, JSON.parse(data.textContent));
  });
  if (document.readyState === "loading") addEventListener("DOMContentLoaded", start);
  else start();
})();
