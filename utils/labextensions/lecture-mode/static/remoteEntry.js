// Lecture mode: the notebook that is open, one idea a screen, in large type, driven from the keyboard.
// Cells are hidden and shown by CSS classes alone: the notebook is never changed, and its widgets stay alive.
(() => {
  const STYLE = `
    body.lecture { --jp-content-font-size1: 22px; --jp-code-font-size: 19px; --jp-content-line-height: 1.5;
                   --jp-ui-font-size1: 16px; }
    body.lecture, body.lecture .lm-Widget { contain: none !important; }
    body.lecture .jp-NotebookPanel-toolbar, body.lecture .jp-SideBar, body.lecture #jp-top-panel, body.lecture #jp-menu-panel,
    body.lecture #jp-top-bar, body.lecture #jp-main-statusbar { visibility: hidden !important; }
    body.lecture .jp-NotebookPanel-notebook { position: fixed !important; inset: 0 !important; z-index: 1000;
        width: 100vw !important; height: 100vh !important; background: var(--jp-layout-color0); }
    body.lecture .jp-WindowedPanel-outer { padding: 3vh 3vw 9vh; box-sizing: border-box; height: 100% !important; }
    body.lecture .jp-Cell { max-width: 1700px; margin: 0 auto; border-color: transparent !important; }
    body.lecture .jp-MarkdownCell *, body.lecture .jp-Cell-inputWrapper { outline: none !important; }
    body.lecture .jp-MarkdownCell .jp-RenderedMarkdown { border: none !important; }
    body.lecture .lecture-away { display: none !important; }
    body.lecture .jp-InputPrompt, body.lecture .jp-OutputPrompt, body.lecture .jp-Collapser,
    body.lecture .jp-WindowedPanel-outer::after, body.lecture .jp-Notebook-footer, body.lecture .jp-cell-toolbar { display: none !important; }
    body.lecture .jp-RenderedImage img { zoom: var(--lecture-zoom, 1.2); }
    body.lecture .lecture-piece { zoom: var(--lecture-piece-zoom, 1); }
    body.lecture table { font-size: 0.95em !important; }
    body.lecture.lecture-no-code .jp-CodeCell .jp-Cell-inputWrapper { display: none !important; }
    @media (min-width: 1600px) {
      body.lecture { --jp-content-font-size1: 30px; --jp-code-font-size: 24px; --lecture-zoom: 1.7;
                     --lecture-piece-zoom: 1.45; }
    }
    #lecture-footer { display: none; }
    body.lecture #lecture-footer { display: block; position: fixed; right: 22px; bottom: 12px; z-index: 1001;
        font: 15px var(--jp-ui-font-family); color: var(--jp-ui-font-color2); background: var(--jp-layout-color0);
        padding: 2px 8px; }`;

  // A screen is some prose, then one piece of code and what comes out of it; the next prose, or more code, begins
  // the next screen. A cell whose metadata says {"lecture": "same"} stays on the screen of the cell before it.
  function screensOf(cells) {
    const screens = [];
    for (const cell of cells) {
      const screen = screens[screens.length - 1];
      const codeBefore = screen?.some(other => other.model.type === 'code');
      const begins = cell.model.type === 'markdown' || codeBefore;
      if (!screen || (begins && cell.model.getMetadata('lecture') !== 'same')) screens.push([cell]);
      else screen.push(cell);
    }
    return screens;
  }

  // A control that has the focus keeps the keys that it needs.
  function keepsItsKeys(element, key) {
    if (element.closest('.cm-editor, textarea, select, input:not([type=checkbox])')) return true;
    return key.startsWith('Arrow') || key === 'Home' || key === 'End' || key.startsWith('Page')
      ? Boolean(element.closest('.noUi-handle')) : false;
  }

  class Lecture {
    constructor(app, panel) {
      Object.assign(this, {app, notebook: panel.content, number: 0});
      this.footer = document.body.appendChild(document.createElement('div'));
      this.footer.id = 'lecture-footer';
      this.footer.setAttribute('role', 'status');
      document.head.appendChild(document.createElement('style')).textContent = STYLE;
      document.addEventListener('keydown', event => this.press(event), true);
    }

    get on() { return document.body.classList.contains('lecture'); }

    get page() { return this.notebook.node.querySelector('.jp-WindowedPanel-outer') || this.notebook.node; }

    // One page on within a tall screen, or else to the next screen.
    onward() {
      const {scrollTop, clientHeight, scrollHeight} = this.page;
      if (scrollTop + clientHeight < scrollHeight - 4) this.page.scrollTop += 0.8 * clientHeight;
      else this.show(this.number + 1);
    }

    toggle() {
      document.body.classList.toggle('lecture');
      this.show(this.number);
    }

    show(number) {
      const screens = screensOf(this.notebook.widgets);
      this.number = Math.max(0, Math.min(number, screens.length - 1));
      screens.forEach((cells, i) => cells.forEach(cell =>
        cell.node.classList.toggle('lecture-away', this.on && i !== this.number)));
      this.notebook.activeCellIndex = this.notebook.widgets.indexOf(screens[this.number][0]);
      this.page.scrollTop = 0;
      if (document.activeElement !== document.body) document.activeElement.blur();
      this.footer.textContent = `${this.number + 1} / ${screens.length}`;
      this.footer.title = '→ and ←: forward and back; PageDown: on; c: code; Esc: leave and come back';
      window.dispatchEvent(new Event('resize'));  // what was hidden learns its size
    }

    press(event) {
      const {key, target} = event;
      if (event.ctrlKey || event.metaKey || event.altKey || keepsItsKeys(target, key)) return;
      const last = this.notebook.widgets.length;
      const turns = {ArrowRight: this.number + 1, ArrowLeft: this.number - 1, PageUp: this.number - 1, Home: 0, End: last};
      if (key === 'Escape') this.toggle();
      else if (!this.on) return;
      else if (key === 'c') document.body.classList.toggle('lecture-no-code');
      else if (key === 'PageDown') this.onward();
      else if (key in turns) this.show(turns[key]);
      else return;
      event.preventDefault();
      event.stopImmediatePropagation();
    }
  }

  async function present(app) {
    await app.restored;
    let panel = null;
    while (!(panel = app.shell.currentWidget)?.content?.widgets) await new Promise(done => setTimeout(done, 100));
    await panel.context.ready;
    await panel.revealed;
    new Lecture(app, panel).toggle();
    await panel.sessionContext.ready;
    await app.commands.execute('notebook:run-all-cells');
  }

  const plugin = {id: 'lecture-mode:plugin', autoStart: true, activate: app => { present(app); }};
  window._JUPYTERLAB = window._JUPYTERLAB || {};
  window._JUPYTERLAB['lecture-mode'] = {init: () => {}, get: () => Promise.resolve(() => ({__esModule: true, default: plugin}))};
})();
