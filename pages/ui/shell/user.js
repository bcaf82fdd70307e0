// The browser keeps the name by which the app knows its user, for a year.

export default function ({ data: { cookie, name } }) {
  if (document.cookie.split("; ").some((entry) => entry.startsWith(`${cookie}=`))) return;
  document.cookie = `${cookie}=${name}; path=/; max-age=31536000; SameSite=Lax`;
}
