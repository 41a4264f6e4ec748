// Single keys. They never fire in a field or with a modifier, and each only
// moves the focus, follows a link or presses a button that is on the page.

const inField = (el) => el.isContentEditable || ["TEXTAREA", "SELECT"].includes(el.tagName) || el.tagName === "INPUT" && el.type !== "checkbox"
const press = (key) => document.querySelector(`[data-key="${key}"]`)?.click()
const focus = (selector) => document.querySelector(selector)?.focus()

function move(step) {
  const names = [...document.querySelectorAll("#groups .lw-row__name")]
  const at = names.findIndex((n) => n.closest(".lw-row").contains(document.activeElement))
  names[Math.min(Math.max(at + step, 0), names.length - 1)]?.focus()
}

// claim sends the form that the row's own button would; it can be undone
// with "Release claim" on the page that follows.
function claim() {
  const row = document.activeElement?.closest?.("[data-ref]")
  if (!row || row.dataset.claim === "no") return
  const form = document.createElement("form")
  form.method = "post"
  form.action = `/cases/${row.dataset.ref}/claim`
  document.body.append(form)
  form.requestSubmit() // as a press would: live.js hears of it
}

// way opens a part of the form and goes to its first field.
function way(id) {
  const part = document.getElementById(id)
  if (!part) return
  part.open = true
  part.querySelector("input, select, textarea")?.focus()
}

// select ticks the row's case for closing it together with others.
function select() {
  document.activeElement?.closest?.("[data-ref]")?.querySelector(".lw-select")?.click()
}

const queue = {
  j: () => move(1), k: () => move(-1), c: claim, h: () => press("cover"), "/": () => focus("#q"), s: select,
  r: () => document.dispatchEvent(new Event("lapwing:show-new")),
}
const one = {
  j: () => press("next"), k: () => press("previous"), c: () => press("claim"), n: () => focus("#note"),
  o: () => focus("#outcome"), x: () => focus("#outcome"), u: () => press("back"), e: () => way("escalate"), t: () => way("transfer"),
}

export function startKeys() {
  if (document.body.dataset.keys !== "on") return
  const keys = document.getElementById("case") ? one : document.getElementById("groups") ? queue : {}
  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.isComposing || event.repeat || inField(event.target)) return
    const act = event.key === "?" ? () => location.assign("/help/keyboard") : Object.hasOwn(keys, event.key) && keys[event.key]
    if (!act) return
    event.preventDefault()
    act()
  })
}
