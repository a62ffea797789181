// Enhancement only. A page that comes back from the browser's memory asks the server again, because
// the server alone knows how far the journey is; and the end of the time is announced in words.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});

const deadline = document.getElementById("deadline");
if (deadline) {
  const warnAt = Date.parse(deadline.dataset.until) - 120000;
  setTimeout(() => {
    deadline.textContent = deadline.dataset.warning;
  }, Math.max(0, warnAt - Date.now()));
}
