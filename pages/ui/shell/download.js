// Saves one file, once: its bytes come with the component, so that no address leads to them.

const saved = new Set();

export default function ({ data: { id, name, mime, content } }) {
  if (saved.has(id)) return;
  saved.add(id);
  const bytes = Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0));
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([bytes], { type: mime }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
