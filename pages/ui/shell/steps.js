// A page is one step of the browser's history: what changes in its address is none to go back to.
// Back and Forward open the address that stood there, as a link does.

export default function ({ data }) {
  if (window.__zsadSteps === undefined) oneStepAPage();
  window.__zsadSteps ??= 0;
  if (data.address === null || data.time < window.__zsadSteps) return; // it may come to this late
  window.__zsadSteps = data.time;
  history.replaceState(history.state, "", `${location.pathname}?${data.address}`);
}

// A browser without the Navigation API shows a page without its choices until it names them.
function oneStepAPage() {
  let leaving = false;
  window.navigation?.addEventListener("navigate", (event) => {
    const { destination, hashChange, navigationType: kind } = event;
    if (!destination.sameDocument || hashChange || !["push", "replace"].includes(kind)) return;
    if (leaving) event.preventDefault(); // an answer that still comes in takes away the way forward
    if (leaving || kind === "replace") return;
    const next = new URL(destination.url);
    const toPage = next.pathname !== location.pathname;
    if (toPage && (next.search || !location.search)) return;
    event.preventDefault();
    next.search ||= location.search; // the next page names its choices itself a moment later
    history[toPage ? "pushState" : "replaceState"](history.state, "", next.href);
  });
  window.addEventListener("popstate", () => {
    leaving = true;
    location.reload();
  });
}
