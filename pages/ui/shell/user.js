// The browser keeps the name by which the app knows its user, for a year. One that another tab kept
// since this session began is told.

export default function ({ data: { cookie, name }, setStateValue }) {
  const kept = document.cookie.split("; ").find((entry) => entry.startsWith(`${cookie}=`));
  if (!kept) document.cookie = `${cookie}=${name}; path=/; max-age=31536000; SameSite=Lax`;
  else if (kept.slice(cookie.length + 1) !== name) {
    setStateValue("name", kept.slice(cookie.length + 1));
  }
}
