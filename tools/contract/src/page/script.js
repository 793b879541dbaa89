// Copy buttons. Without JavaScript there are none, and nothing else is missing.
const served = location.protocol.startsWith("http");
for (const code of document.querySelectorAll("figure.code code")) {
  // The stack that serves this page is the one to call.
  if (served && code.textContent.startsWith("export API=")) {
    code.textContent = code.textContent.replace(/API=\S+/, `API=${location.origin}`);
  }
}
async function put(text) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    document.body.append(area);
    area.select();
    const done = document.execCommand("copy");
    area.remove();
    if (!done) throw new Error("the browser does not copy");
  }
}
for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.closest("figure").querySelector("code").textContent;
    button.textContent = await put(text).then(() => "Copied", () => "Press Ctrl+C");
    setTimeout(() => { button.textContent = "Copy"; }, 2000);
  });
}
// On a telephone the menu closes behind whoever chose from it.
const menu = document.querySelector("details.menu");
menu.addEventListener("click", (event) => { if (event.target.closest("a")) menu.open = false; });
