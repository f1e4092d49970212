// What the page does beside its widgets. KEYS is replaced by the list of shortcuts.
window.evanysegShowRow = (key) => setTimeout(() => {
  const row = [...document.querySelectorAll("#table [data-key]")].find((r) => r.dataset.key === key);
  if (row) row.scrollIntoView({block: "nearest"});
}, 50);
window.evanysegDownload = async (kind, name) => {  // a link to the file would make trame close the connection
  const answer = await fetch("/export/" + kind);
  if (!answer.ok) return;  // the status line says why
  const link = document.createElement("a");
  link.href = URL.createObjectURL(await answer.blob());
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
};
window.evanysegUpload = async (kind, input) => {
  const file = input.files[0];
  if (!file) return;
  try {  // what was refused is said in the status line
    await fetch("/upload/" + kind + "?name=" + encodeURIComponent(file.name), {method: "POST", body: file});
  } finally {
    input.value = "";
  }
};
setInterval(() => {  // the connection is gone: the way back
  if (document.getElementById("status") || document.getElementById("again")) return;
  if (!document.body.innerText.includes("Connection closed")) return;
  const way = document.createElement("button");
  way.id = "again";
  way.textContent = "Open the page again";
  way.style = "position: fixed; top: 70%; left: calc(50% - 6em); width: 12em; padding: .6em; border: 1px solid";
  way.onclick = () => location.replace("/");
  document.body.append(way);
}, 1000);
window.addEventListener("keydown", (e) => {
  const t = e.target;
  if (/^(INPUT|TEXTAREA|SELECT)$/.test(t.tagName) || t.isContentEditable || e.altKey) return;
  const control = e.ctrlKey || e.metaKey ? "ctrl+" : "";
  const key = "?+-".includes(e.key) ? e.key : control + (e.shiftKey ? "shift+" : "") + e.key.toLowerCase();
  if (KEYS.includes(key)) {
    if (control) e.preventDefault();
    if (key === "m") { document.getElementById("comment").focus(); e.preventDefault(); }
    else window.trame.trigger("evanyseg_key", [key]);
  }
}, true);
