// A page is one step of the browser's history: what changes in its address is none to go back to.
// Back and Forward open the address that stood there, as a link does: Streamlit itself would take
// over what all pages share from the page that is left, and empty the texts.

const LEFT_WITHIN_MS = 3000;

export default function () {
  if (window.__zsadSteps) return;
  window.__zsadSteps = true;
  const push = history.pushState.bind(history);
  const put = history.replaceState.bind(history);
  let emptying = null, leaving = false;
  history.replaceState = (...step) => leaving || put(...step);
  history.pushState = (state, title, url) => {
    if (leaving) return; // an answer that still comes in would take away the way forward
    const there = new URL(url ?? location.href, location.href);
    const replace = () => history.replaceState(state, title, url);
    clearTimeout(emptying);
    if (there.pathname !== location.pathname) push(state, title, url);
    else if (there.search) replace();
    else emptying = setTimeout(replace, LEFT_WITHIN_MS); // as a page is left, which keeps its choice
  };
  window.addEventListener("popstate", () => {
    leaving = true;
    location.reload();
  });
}
