// Lecture mode: one notebook, one idea a screen, in large type, driven from the keyboard.
// Cells are hidden and shown by CSS classes alone: the notebook is never changed, and its widgets stay alive.
// Only the notebook whose address says so is presented, "/doc/workspaces/lecture-mode/tree/…". Wherever else this is
// installed, it does nothing.
(() => {
  // A screen that is a little too tall is scaled down as far as this, and a taller one scrolls. A piece or a figure may
  // become smaller still: its controls and what they do, an idea and its picture, belong on one screen.
  const SMALLEST = 0.85, SMALLEST_PICTURE = 0.6;
  const STYLE = `
    body.lecture { --jp-content-font-size1: 22px; --jp-code-font-size: 19px; --jp-content-line-height: 1.5;
                   --jp-ui-font-size1: 16px; }
    body.lecture, body.lecture .lm-Widget { contain: none !important; }
    body.lecture .jp-NotebookPanel-toolbar, body.lecture .jp-SideBar, body.lecture #jp-top-panel, body.lecture #jp-menu-panel,
    body.lecture #jp-top-bar, body.lecture #jp-main-statusbar { visibility: hidden !important; }
    body.lecture .jp-NotebookPanel-notebook { position: fixed !important; inset: 0 !important; z-index: 1000;
        width: 100vw !important; height: 100vh !important; background: var(--jp-layout-color0); }
    body.lecture .jp-WindowedPanel-outer { padding: 3vh 3vw 36px; box-sizing: border-box; height: 100% !important; }
    body.lecture .jp-Cell { max-width: calc(1700px / var(--lecture-fit, 1)); margin: 0 auto; border-color: transparent !important;
        zoom: var(--lecture-fit, 1); }
    body.lecture .jp-MarkdownCell *, body.lecture .jp-Cell-inputWrapper { outline: none !important; }
    body.lecture .jp-MarkdownCell .jp-RenderedMarkdown { border: none !important; }
    body.lecture .lecture-away { display: none !important; }
    body.lecture .jp-InputPrompt, body.lecture .jp-OutputPrompt, body.lecture .jp-Collapser,
    body.lecture .jp-WindowedPanel-outer::after, body.lecture .jp-Notebook-footer, body.lecture .jp-cell-toolbar { display: none !important; }
    body.lecture .cm-content { white-space: break-spaces !important; overflow-wrap: anywhere; flex-shrink: 1 !important; }
    body.lecture .jp-RenderedImage img { zoom: var(--lecture-zoom, 1.2); }
    body.lecture .lecture-piece { zoom: var(--lecture-piece-zoom, 1); }
    body.lecture .lecture-piece .widget-label, body.lecture .lecture-piece .widget-readout { font-size: 16px; }
    body.lecture .lecture-piece .widget-label { min-width: 105px; }
    body.lecture .lecture-piece :is(select, button, .widget-label-basic) { font-size: 15px; }
    body.lecture .lecture-readout { font-size: 17px; }
    body.lecture table { font-size: 0.95em !important; }
    body.lecture.lecture-no-code .jp-CodeCell .jp-Cell-inputWrapper,
    body.lecture .lecture-figure .jp-Cell-inputWrapper { display: none !important; }
    @media (min-width: 1600px) {
      body.lecture { --jp-content-font-size1: 30px; --jp-code-font-size: 24px; --lecture-zoom: 1.7;
                     --lecture-piece-zoom: 1.45; }
    }
    #lecture-footer { display: none; }
    body.lecture #lecture-footer { display: block; position: fixed; right: 22px; bottom: 6px; z-index: 1001;
        font: 15px var(--jp-ui-font-family); color: var(--jp-ui-font-color2); background: var(--jp-layout-color0);
        padding: 2px 8px; }
    body:not(.lecture-keys) #lecture-footer .keys { display: none; }`;
  const KEYS = '→ ← turn the page · PageDown PageUp also scroll · c code · Esc leave, return · ? keys \u2003';

  const source = cell => cell.model.sharedModel.getSource().trim();
  const isCode = cell => cell?.model.type === 'code';
  const isFigure = cell => (cell.model.getMetadata('tags') || []).includes('figure');  // its code stays folded

  // A screen is some prose, then one piece of code and what comes out of it. More prose, or more code, begins the
  // next; but a short remark, with no heading and no code of its own to introduce, stays beside what it is about (if that
  // is not the first code, the imports). A cell's metadata decide otherwise with {"lecture": "same"} or
  // {"lecture": "new"}. Empty cells are on no screen.
  function screensOf(cells) {
    const screens = [], full = cells.filter(source), imports = full.find(isCode);
    full.forEach((cell, i) => {
      const before = full[i - 1], wish = cell.model.getMetadata('lecture');
      const words = source(cell), remark = isCode(before) && before !== imports && !isCode(full[i + 1]) &&
        !words.startsWith('#') && words.length < 350;
      const begins = isCode(cell) ? screens.at(-1)?.some(isCode) : !remark;
      if (!screens.length || (wish ? wish === 'new' : begins)) screens.push([cell]);
      else screens.at(-1).push(cell);
    });
    return screens;
  }

  // What the cells say, without what came out of them.
  const sourcesOf = notebook => JSON.stringify(notebook.widgets.map(cell => [cell.model.type, source(cell)]));

  // A control that has the focus keeps the keys that it needs.
  const WRITES = '.cm-editor, textarea, select, [contenteditable=true], input:not([type=checkbox]), .jp-Dialog, .lm-Menu';
  function keepsItsKeys(element, key) {
    return Boolean(element.closest(WRITES)) ||
      (/^(Arrow|Page|Home|End)/.test(key) && Boolean(element.closest('.noUi-handle')));
  }

  class Lecture {
    constructor(app, panel) {
      Object.assign(this, {app, panel, notebook: panel.content, number: 0, screens: [], scale: 1});
      this.keepFile(panel.context);
      app.shell.currentChanged.connect((_, {newValue}) => { if (this.on && newValue && newValue !== panel) this.toggle(); });
      panel.disposed.connect(() => document.body.classList.remove('lecture'));
      this.footer = document.body.appendChild(document.createElement('div'));
      this.footer.id = 'lecture-footer';
      this.footer.innerHTML = `<span class="keys">${KEYS}</span><span role="status"></span>`;
      document.head.appendChild(document.createElement('style')).textContent = STYLE;
      document.body.classList.add('lecture-keys');
      this.watch = new ResizeObserver(() => requestAnimationFrame(() => this.fit()));
      document.addEventListener('keydown', event => this.press(event), true);
      this.notebook.node.addEventListener('scroll', () => this.tell(), true);
      this.notebook.node.addEventListener('dblclick', event => {  // would show the prose as its source
        if (this.on && event.target.closest('.jp-RenderedMarkdown')) event.stopPropagation();
      }, true);
    }

    get on() { return document.body.classList.contains('lecture'); }

    get page() { return this.notebook.node.querySelector('.jp-WindowedPanel-outer') || this.notebook.node; }

    get below() { return this.page.scrollHeight - this.page.clientHeight - this.page.scrollTop; }

    // One page on within a tall screen, or else to the next screen; and the same way back.
    onward() { if (this.below > 4) this.page.scrollTop += 0.8 * this.page.clientHeight; else this.show(this.number + 1); }

    back() { if (this.page.scrollTop > 4) this.page.scrollTop -= 0.8 * this.page.clientHeight; else this.show(this.number - 1); }

    toggle() {
      if (this.on) this.settle();
      else this.before = {dirty: this.panel.context.model.dirty, sources: sourcesOf(this.notebook)};
      document.body.classList.toggle('lecture');
      this.refresh();
    }

    // While it is presented, this one document is not saved by itself. The autosave alone asks whether it may save: what
    // the lecturer saves on purpose is saved.
    keepFile(context) {
      const usual = () => Reflect.get(Object.getPrototypeOf(context), 'canSave', context);
      Object.defineProperty(context, 'canSave', {configurable: true, get: () => !this.on && !this.begins && usual()});
    }

    // To have been run is no change, neither to be saved after Esc nor worth a question when the page is closed.
    settle() {
      const {dirty, sources} = this.before;
      if (!dirty && sources === sourcesOf(this.notebook)) this.panel.context.model.dirty = false;
    }

    // Cells may have come and gone: make the screens anew, and stay where we are.
    refresh() {
      const here = this.screens[this.number]?.[0];
      this.screens = screensOf(this.notebook.widgets);
      this.show(Math.max(0, this.screens.findIndex(screen => screen.includes(here))));
    }

    show(number) {
      this.number = Math.max(0, Math.min(number, this.screens.length - 1));
      const shown = this.screens[this.number] || [];
      this.watch.disconnect();
      for (const cell of this.notebook.widgets) {
        cell.node.classList.toggle('lecture-away', this.on && !shown.includes(cell));
        cell.node.classList.toggle('lecture-figure', isFigure(cell));
        if (shown.includes(cell)) this.watch.observe(cell.node);
      }
      this.notebook.mode = 'command';  // in edit mode, prose would show its source
      this.notebook.activeCellIndex = this.notebook.widgets.indexOf(shown[0]);
      if (document.activeElement !== document.body) document.activeElement.blur();
      window.dispatchEvent(new Event('resize'));  // what was hidden learns its size
      this.resize(1);
      this.page.scrollTop = 0;
      this.fit();
    }

    resize(scale) {
      this.scale = scale;
      document.body.style.setProperty('--lecture-fit', scale);
    }

    // Scale down what is a little too tall. Nothing grows again before the page is turned, so a piece never jitters.
    fit() {
      const picture = this.screens[this.number]?.some(cell => cell.node.querySelector('.lecture-piece, .jp-RenderedImage'));
      for (let tries = 0; this.on && tries < 3; tries++) {
        const {clientHeight, scrollHeight} = this.page, scale = this.scale * clientHeight / scrollHeight;
        if (scrollHeight > clientHeight && scale >= (picture ? SMALLEST_PICTURE : SMALLEST)) this.resize(scale);
      }
      this.tell();
    }

    tell() {
      this.footer.lastChild.textContent = `${this.number + 1} / ${this.screens.length}${this.below > 4 ? ' ↓' : ''}`;
    }

    press(event) {
      const {key, target} = event, {classList} = document.body;
      if (this.panel.isDisposed || this.app.shell.currentWidget !== this.panel) return;  // another document has the keys
      if (event.ctrlKey || event.metaKey || event.altKey || keepsItsKeys(target, key)) return;
      const acts = {ArrowRight: () => this.show(this.number + 1), ArrowLeft: () => this.show(this.number - 1),
                    PageDown: () => this.onward(), PageUp: () => this.back(), Home: () => this.show(0),
                    End: () => this.show(this.screens.length), ArrowDown: () => { this.page.scrollTop += 80; },
                    ArrowUp: () => { this.page.scrollTop -= 80; }, '?': () => classList.toggle('lecture-keys'),
                    c: () => { classList.toggle('lecture-no-code'); this.resize(1); this.fit(); }};
      if (key === 'Escape') this.toggle();
      else if (!this.on) return;
      else if (key in acts) acts[key]();
      // Any other letter, and Enter, would be a command that changes the notebook.
      else if (!/^([a-z0-9]|Enter)$/i.test(key) || event.shiftKey && key === 'Enter' || target.closest('a, button, input')) return;
      if (/^(Arrow[LR]|Page|End)/.test(key)) classList.remove('lecture-keys');  // told once; again at ?
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }

  async function present(app, path) {
    await app.restored;
    let panel = null;
    const found = () => (panel = app.shell.currentWidget)?.content?.widgets && panel.context.localPath === path;
    while (!found()) await new Promise(done => setTimeout(done, 100));
    await panel.context.ready;
    await panel.revealed;
    const lecture = new Lecture(app, panel);
    lecture.toggle();
    lecture.before.dirty = false;  // a kernel that starts leaves its name in the notebook
    lecture.begins = true;  // Esc may come before all cells have run
    await panel.sessionContext.ready;
    await app.commands.execute('notebook:run-all-cells');
    lecture.begins = false;
    lecture.settle();
    lecture.refresh();
    await new Promise(done => setTimeout(done, 1000));  // of a run, some is written down a moment later
    lecture.settle();
  }

  const activate = app => {
    const presented = /\/doc\/workspaces\/lecture-mode\/tree\/(.+)$/.exec(decodeURIComponent(window.location.pathname));
    if (presented) present(app, presented[1]);
  };
  const plugin = {id: 'lecture-mode:plugin', autoStart: true, activate};
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['lecture-mode'] = {init: () => {}, get: () => Promise.resolve(() => ({__esModule: true, default: plugin}))};
})();
