// Small comforts of the console. Every page works without this file.
"use strict";

const announcer = document.getElementById("hk-announce");

function textOf(id) {
  const element = document.getElementById(id);
  return "value" in element ? element.value : element.textContent;
}

async function copy(button) {
  const before = button.innerHTML;
  try {
    await navigator.clipboard.writeText(textOf(button.dataset.copy));
  } catch {
    selectText(document.getElementById(button.dataset.copy));
    return;
  }
  button.textContent = button.dataset.done;
  announcer.textContent = button.dataset.done;
  setTimeout(() => {
    button.innerHTML = before;
    announcer.textContent = "";
  }, 1500);
}

function selectText(element) {
  getSelection().selectAllChildren(element);
}

function download(button) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([textOf(button.dataset.download) + "\n"], { type: "text/plain" }));
  link.download = button.dataset.filename;
  link.click();
  URL.revokeObjectURL(link.href);
}

function addRow(button) {
  const rows = button.parentElement.querySelector("[data-rows]");
  const row = rows.lastElementChild.cloneNode(true);
  const input = row.querySelector("input");
  row.querySelector(".hk-error")?.remove();
  input.value = "";
  input.removeAttribute("aria-invalid");
  input.removeAttribute("aria-describedby");
  rows.append(row);
  renumber(rows);
  input.focus();
}

function renumber(rows) {
  const label = rows.closest("fieldset").querySelector("legend").textContent;
  [...rows.children].forEach((row, index) => {
    const button = row.querySelector("button");
    row.querySelector("input").setAttribute("aria-label", `${label} ${index + 1}`);
    button.value = button.value.replace(/\d+$/, index);
    button.querySelector(".visually-hidden").textContent = ` ${label} ${index + 1}`;
  });
}

function removeRow(button) {
  const row = button.closest("li");
  const rows = row.parentElement;
  if (rows.children.length === 1) {
    row.querySelector("input").value = "";
  } else {
    row.remove();
  }
  renumber(rows);
  rows.lastElementChild.querySelector("input").focus();
}

async function poll(url) {
  for (;;) {
    await new Promise((done) => setTimeout(done, 700));
    const answer = await fetch(url, { headers: { Accept: "application/json" } }).catch(() => null);
    if (answer && (!answer.ok || (await answer.json()).status !== "initializing")) {
      location.reload();
      return;
    }
  }
}

function showLook(input) {
  const name = input.dataset.preview ?? input.name;
  if (name === "corners") {
    document.querySelectorAll("form .hk-look [data-corner]").forEach((shape) => {
      const round = shape.dataset.fill ? 4 : 8;
      shape.setAttribute("rx", input.value === "square" ? 0 : round);
    });
  } else {
    document.querySelectorAll(`form .hk-look [data-fill="${name}"]`).forEach((shape) => {
      shape.setAttribute("fill", input.value);
    });
  }
}

document.addEventListener("click", (event) => {
  const button = event.target.closest("button");
  if (button?.dataset.copy) copy(button);
  if (button?.dataset.download) download(button);
  if (button && "add" in button.dataset) { event.preventDefault(); addRow(button); }
  if (button && "remove" in button.dataset) { event.preventDefault(); removeRow(button); }
  document.querySelectorAll(".hk-menu[open]").forEach((menu) => {
    if (!menu.contains(event.target)) menu.open = false;
  });
});

document.addEventListener("keydown", (event) => {
  const menu = event.key === "Escape" && document.querySelector(".hk-menu[open]");
  if (menu) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

document.addEventListener("input", (event) => {
  if (event.target.dataset.preview || event.target.name === "corners") showLook(event.target);
});

document.querySelectorAll(".hk-copy").forEach((button) => { button.hidden = false; });
document.querySelectorAll("[data-poll]").forEach((section) => poll(section.dataset.poll));
