// A page is one step of the browser's history: what changes in its address is none to go back to.
// Back and Forward open the address that stood there, as a link does.

export default function ({ data }) {
  if (window.__zsadSteps === undefined) oneStepAPage();
  window.__zsadSteps ??= 0;
  if (data.address === null || data.time < window.__zsadSteps) return; // it may come to this late
  window.__zsadSteps = data.time;
  history.replaceState(history.state, "", `${location.pathname}?${data.address}`);
}

function oneStepAPage() {
  const push = history.pushState.bind(history);
  const put = history.replaceState.bind(history);
  let leaving = false;
  history.replaceState = (...step) => leaving || put(...step);
  history.pushState = (state, title, url) => {
    if (leaving) return; // an answer that still comes in would take away the way forward
    const next = new URL(url ?? location.href, location.href);
    const step = next.pathname === location.pathname ? put : push;
    next.search ||= location.search; // the next page names its choices itself a moment later
    step(state, title, next.href);
  };
  window.addEventListener("popstate", () => {
    leaving = true;
    location.reload();
  });
}
