// What ipywidgets leaves out: its sliders have no accessible name, and JupyterLab takes the arrow keys from its lists.
// Each slider is lent the label that stands beside it; sliders and lists are taken out of JupyterLab's shortcuts.
function lend(piece) {
  const handles = [...piece.querySelectorAll('.noUi-handle, .ui-slider-handle')];  // ipywidgets 8, and 7
  const lists = [...piece.querySelectorAll('select')];
  for (const handle of handles) {
    const label = handle.closest('.widget-slider, .widget-hslider')?.querySelector('.widget-label')?.textContent;
    if (label) handle.setAttribute('aria-label', label);
  }
  for (const control of [...handles, ...lists]) control.setAttribute('data-lm-suppress-shortcuts', 'true');
  return handles.length + lists.length;
}

// Watch a piece until so many sliders and lists are in the page; return what ends the watch.
function watch(piece, controls) {
  const observer = new MutationObserver(done);
  function done() { if (lend(piece) >= controls) observer.disconnect(); }
  observer.observe(piece, { childList: true, subtree: true });
  done();
  return () => observer.disconnect();
}

// Answer each question as soon as what came before it has been drawn, the first one at once; return what ends that.
function answer(model) {
  const say = () => requestAnimationFrame(() => { model.set('answered', model.get('asked')); model.save_changes(); });
  model.on('change:asked', say);
  say();
  return () => model.off('change:asked', say);
}

export default {
  render({ model, el }) {
    const silence = answer(model);
    let frame, end = () => {}, frames = 600;  // ten seconds
    function begin() {  // as soon as the piece is in the page
      const piece = el.closest('.lecture-piece');
      if (piece) end = watch(piece, model.get('controls'));
      else if (frames--) frame = requestAnimationFrame(begin);
    }
    frame = requestAnimationFrame(begin);
    return () => { cancelAnimationFrame(frame); end(); silence(); };
  },
};
