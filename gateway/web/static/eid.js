// Enhancement only: asks, when the citizen wants to know, whether an eID-Client runs on this computer.
const check = document.getElementById("eid-check");
const result = document.getElementById("eid-check-result");
const label = document.createElement("span");
label.className = "kern-label";
label.textContent = check.dataset.label;
const button = document.createElement("button");
button.type = "button";
button.className = "kern-btn kern-btn--secondary";
button.append(label);

button.addEventListener("click", async () => {
  result.textContent = check.dataset.asking;
  try {
    const answer = await fetch(check.dataset.status, { credentials: "omit", signal: AbortSignal.timeout(4000) });
    result.textContent = answer.ok ? check.dataset.running : check.dataset.missing;
  } catch {
    result.textContent = check.dataset.missing;
  }
});
check.prepend(button);
