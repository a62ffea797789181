// Enhancement only: shows the countries whose name, own name or eID begins a word with the typed text.
const box = document.getElementById("filter");
const field = document.getElementById("filter-text");
const count = document.getElementById("filter-count");
const items = Array.from(document.querySelectorAll("[data-terms]"));
const fold = (text) => text.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLocaleLowerCase();

field.addEventListener("input", () => {
  const wanted = fold(field.value.trim());
  let shown = 0;
  for (const item of items) {
    item.hidden = !` ${fold(item.dataset.terms)}`.includes(` ${wanted}`);
    if (!item.hidden) shown += 1;
  }
  count.textContent = !wanted ? "" : shown ? count.dataset.count.replace("{number}", shown) : count.dataset.none;
});
box.hidden = false;
