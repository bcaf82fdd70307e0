// The payloads that this browser window holds. Each component has modules of its own, so what they
// share lies in the window.

export const registry = (window.__zsad ??=
  { payloads: new Map(), holders: new Map(), listeners: new Set() });
