// Korrigo's front end: log in, list copies, upload, annotate, finalise.
// Texts from the server go in by textContent alone, never as HTML.
"use strict";

const el = (id) => document.getElementById(id);
const state = { account: null, exam: null, page: 1, copy: null };

function cookie(name) {
  const pair = document.cookie.split("; ").find((entry) => entry.startsWith(name + "="));
  return pair ? decodeURIComponent(pair.slice(name.length + 1)) : "";
}

async function api(method, path, body) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRFToken"] = cookie("csrftoken");
  if (body && !(body instanceof FormData)) {
    headers["Content-Type"] = "application/json";
    body = JSON.stringify(body);
  }
  const response = await fetch("/api/" + path, { method, headers, body });
  const isJson = (response.headers.get("Content-Type") || "").startsWith("application/json");
  const answer = isJson ? await response.json() : null;
  if (!response.ok) {
    const detail = answer && (answer.detail || JSON.stringify(answer));
    const error = new Error(detail || `erreur ${response.status}`);
    error.status = response.status;
    throw error;
  }
  return answer;
}

async function pages(path) {
  const items = [];
  for (let page = 1; ; page += 1) {
    const answer = await api("GET", `${path}?page=${page}`);
    items.push(...answer.results);
    if (!answer.next) return items;
  }
}

function option(value, text) {
  const node = document.createElement("option");
  node.value = value;
  node.textContent = text;
  return node;
}

function cell(content) {
  const node = document.createElement("td");
  node.append(content);
  return node;
}

// Every action shows its failure instead of losing it.
const act = (work) => async (event) => {
  event?.preventDefault();
  el("message").textContent = "";
  try {
    await work(event);
  } catch (error) {
    // 401: nobody is signed in, or no longer.
    if (error.status === 401) leave();
    el("message").textContent = error.message;
  }
};

function leave() {
  state.account = null;
  for (const part of ["account", "desk", "copy"]) el(part).hidden = true;
  el("login").hidden = false;
}

function copyRow(copy) {
  const row = document.createElement("tr");
  const link = document.createElement("a");
  link.href = copy.file;
  link.textContent = String(copy.anonymat);
  const open = document.createElement("button");
  open.type = "button";
  open.textContent = "Ouvrir";
  open.addEventListener("click", act(() => openCopy(copy)));
  row.append(cell(link), cell(copy.status), cell(copy.page_count ?? "…"), cell(open));
  return row;
}

async function showCopies() {
  const answer = await api("GET", `copies/?exam=${state.exam}&page=${state.page}`);
  el("copies").replaceChildren(...answer.results.map(copyRow));
  el("previous").disabled = !answer.previous;
  el("next").disabled = !answer.next;
}

async function openCopy(copy) {
  state.copy = copy;
  const notes = await api("GET", `copies/${copy.id}/annotations/`);
  el("anonymat").textContent = String(copy.anonymat);
  el("annotations").replaceChildren(...notes.map((note) => {
    const item = document.createElement("li");
    item.textContent = `p. ${note.page} : ${note.text}${note.points ? ` (${note.points})` : ""}`;
    return item;
  }));
  const editable = mayGrade() && copy.status !== "finalised";
  el("annotate").hidden = !editable;
  el("finalise").hidden = !editable;
  el("copy").hidden = false;
}

const mayGrade = () => ["admin", "teacher"].includes(state.account?.role);

async function enter(account) {
  state.account = account;
  el("who").textContent = account.username;
  el("account").hidden = false;
  el("login").hidden = true;
  el("desk").hidden = false;
  el("upload").hidden = !mayGrade();
  const exams = await pages("exams/");
  el("exam").replaceChildren(...exams.map((exam) => option(exam.id, exam.title)));
  if (mayGrade()) {
    const students = await api("GET", "students/");
    el("upload").elements.student.replaceChildren(
      ...students.results.map((student) => option(student.id, `${student.last_name} ${student.first_name}`)),
    );
  }
  if (exams.length > 0) {
    state.exam = exams[0].id;
    await showCopies();
  }
}

el("login").addEventListener("submit", act(async () => {
  const form = new FormData(el("login"));
  await enter(await api("POST", "auth/login/", Object.fromEntries(form)));
}));

el("logout").addEventListener("click", act(async () => {
  await api("POST", "auth/logout/");
  location.reload();
}));

el("exam").addEventListener("change", act(async () => {
  state.exam = el("exam").value;
  state.page = 1;
  await showCopies();
}));

el("previous").addEventListener("click", act(async () => { state.page -= 1; await showCopies(); }));
el("next").addEventListener("click", act(async () => { state.page += 1; await showCopies(); }));

el("upload").addEventListener("submit", act(async () => {
  const form = new FormData(el("upload"));
  form.set("exam", state.exam);
  const copy = await api("POST", "copies/", form);
  el("upload").reset();
  await showCopies();
  el("message").textContent = `Copie ${copy.anonymat} déposée`;
}));

el("annotate").addEventListener("submit", act(async () => {
  const form = new FormData(el("annotate"));
  await api("POST", `copies/${state.copy.id}/annotations/`, {
    page: Number(form.get("page")),
    x: 0.5,
    y: 0.5,
    text: form.get("text"),
    points: form.get("points") || null,
  });
  el("annotate").reset();
  await openCopy(state.copy);
}));

el("finalise").addEventListener("click", act(async () => {
  await openCopy(await api("POST", `copies/${state.copy.id}/finalise/`));
  await showCopies();
}));

act(async () => {
  await api("GET", "auth/csrf/");
  try {
    await enter(await api("GET", "auth/me/"));
  } catch (error) {
    if (error.status !== 401) throw error;
    leave();
  }
})();
