// ipywidgets gives its sliders no accessible name. Each is lent the label that stands beside it.
function lend(piece) {
  const handles = [...piece.querySelectorAll('.noUi-handle, .ui-slider-handle')];  // ipywidgets 8, and 7
  for (const handle of handles) {
    const label = handle.closest('.widget-slider')?.querySelector('.widget-label')?.textContent;
    if (label) handle.setAttribute('aria-label', label);
  }
  return handles.length;
}

export default {
  render({ model, el }) {
    let frame, watch, frames = 600;  // ten seconds
    function begin() {  // as soon as the piece is in the page
      const piece = el.closest('.lecture-piece');
      if (!piece) { if (frames--) frame = requestAnimationFrame(begin); return; }
      const done = () => lend(piece) >= model.get('sliders') && watch.disconnect();
      watch = new MutationObserver(done);
      watch.observe(piece, { childList: true, subtree: true });
      done();
    }
    frame = requestAnimationFrame(begin);
    return () => { cancelAnimationFrame(frame); watch?.disconnect(); };
  },
};
