// The live queue. The stream says only "changed"; the page then fetches itself
// again, through every permission, and merges.
//
// Nothing moves under the eye: while somebody reads (a row has the focus, words
// are selected, or there was a touch of any kind in the last seconds), new rows
// wait in the bar above the list, which always has its place and shows the
// words of the most pressing one. Rows that are there change in place, in their
// height. On a page at rest, new rows go straight where they belong.

import { settled } from "./case.js"

const restAfter = 10000 // ms without any touch
const lostAfter = 4000 // ms without a stream before the page says so
const agesAfter = 60000 // ms until "in 38 minutes" is not true any more

let touched = -Infinity
for (const kind of ["pointermove", "pointerdown", "keydown", "wheel", "scroll", "touchstart"]) {
  addEventListener(kind, () => { touched = performance.now() }, { passive: true, capture: true })
}

const by = (id) => document.getElementById(id)
const clock = () => new Date().toLocaleTimeString("en-GB", { hour: "numeric", minute: "2-digit", hour12: true }).replace(/\s/g, "")

// A form that was sent is on its way to another page: what its own act changed
// must not run ahead of the answer. The wait has an end, as the answer may never come.
const sentFor = 10000 // ms
let sent = -Infinity
document.addEventListener("submit", (event) => { if (!event.defaultPrevented) sent = performance.now() })
const onItsWay = () => performance.now() - sent < sentFor

// fetchPage gets the page at address again; null when it cannot be had now.
// The address is the page's own word: that of the window may be a form's, which
// only answers what is sent to it.
async function fetchPage(address) {
  const answer = await fetch(address, { credentials: "same-origin", redirect: "error", cache: "no-store" })
  if (onItsWay()) return null
  if (answer.status === 401) { leave(); return null }
  if (answer.status === 404) { location.replace(address); return null } // not for this person any more
  if (!answer.ok) return null
  return new DOMParser().parseFromString(await answer.text(), "text/html")
}

// leave clears the words from the screen when the session is over.
function leave() { location.replace("/signed-out") }

// follow opens the stream that part names and calls changed for each change,
// one at a time: a change during a call leads to one more call, however many
// there were. A change after a form was sent waits.
function follow(part, changed, every = 0) {
  const state = by("live-state"), lost = by("lost"), text = by("lost-text")
  let since = null, timer = null, busy = false, again = false, later = null
  const run = async () => {
    if (onItsWay()) {
      clearTimeout(later)
      later = setTimeout(run, sentFor)
      return
    }
    if (busy) { again = true; return }
    busy = true
    do {
      again = false
      try { await changed() } catch { /* the stream's own error handling says so */ }
    } while (again && !onItsWay())
    busy = false
    if (onItsWay()) run() // waits
  }
  const up = () => {
    clearTimeout(timer)
    timer = null
    if (since && text) {
      text.textContent = `Live again since ${clock()}.`
      lost.classList.replace("lw-notice--warn", "lw-notice--done")
    }
    if (since) run()
    since = null
    state.hidden = false
    state.textContent = "Live"
    state.classList.remove("lw-live--lost")
  }
  const down = () => {
    if (since || timer) return
    const began = clock()
    timer = setTimeout(() => {
      since = began
      state.hidden = false
      state.textContent = "Not live"
      state.classList.add("lw-live--lost")
      if (text) {
        text.textContent = `Not live since ${began}. What you see is as it was then; new cases will not show. Trying again every few seconds.`
        lost.classList.replace("lw-notice--done", "lw-notice--warn")
        lost.hidden = false
      }
    }, lostAfter)
  }
  const open = () => {
    const stream = new EventSource(part.dataset.live)
    stream.onopen = up
    stream.addEventListener("changed", run)
    stream.addEventListener("ended", leave)
    stream.onerror = () => {
      down()
      // The browser tries again by itself unless it was refused; then we ask why.
      if (stream.readyState === EventSource.CLOSED) {
        fetchPage(part.dataset.page).catch(() => { /* still away */ }).then(() => setTimeout(open, 5000))
      }
    }
    addEventListener("pagehide", () => stream.close(), { once: true })
  }
  open()
  if (every) setInterval(() => { if (!since && !document.hidden) run() }, every)
}

export function startQueue() {
  const news = by("news")
  if (!news) return
  news.hidden = false
  const waiting = new Map() // reference → the row that waits behind the bar
  let latest = null // the newest fetched page

  const rows = () => new Map([...by("groups").querySelectorAll("[data-ref]")].map((r) => [r.dataset.ref, r]))
  const reading = () => {
    const groups = by("groups"), selection = getSelection()
    return groups.contains(document.activeElement) ||
      (selection && !selection.isCollapsed && groups.contains(selection.anchorNode)) ||
      performance.now() - touched < restAfter
  }

  // take replaces the whole list, in order, keeping the focus where it was.
  const take = (page) => {
    const focused = document.activeElement?.closest?.("[data-ref]")?.dataset.ref
    by("groups").replaceWith(document.adoptNode(page.getElementById("groups")))
    by("showing").replaceWith(document.adoptNode(page.getElementById("showing")))
    if (focused) rows().get(focused)?.querySelector("a")?.focus()
    waiting.clear()
    bar()
  }

  // head replaces a part above the list; where somebody reads, only if that
  // leaves its height, and so the list, as it is.
  const head = (id, page, rest) => {
    const now = by(id), fresh = page.getElementById(id)
    if (now.innerHTML === fresh.innerHTML || now.contains(document.activeElement)) return
    const copy = document.importNode(fresh, true), height = now.offsetHeight
    now.replaceWith(copy)
    if (!rest && copy.offsetHeight !== height) copy.replaceWith(now)
  }

  // bar tells of what waits, and shows the words of the most pressing.
  const bar = () => {
    const n = waiting.size, show = by("news-show"), line = by("news-words")
    show.hidden = n === 0
    news.classList.toggle("lw-news--some", n > 0)
    line.replaceChildren()
    by("news-text").textContent = n === 0
      ? "New cases show here first. The list does not move while you read."
      : `${n === 1 ? "1 new case" : `${n} new cases`} came in. Nothing below has moved.`
    show.textContent = n === 1 ? "Show it" : "Show them"
    for (const row of waiting.values()) {
      // Each in turn on one line; what does not fit is cut, never wrapped.
      const severity = row.querySelector(".lw-sev"), words = row.querySelector(".lw-row__words")
      line.append(document.importNode(severity, true), " ", ...[...words.childNodes].map((c) => document.importNode(c, true)), " ")
    }
  }

  const update = async () => {
    const page = await fetchPage(news.dataset.page)
    const groups = page?.getElementById("groups")
    if (!groups) return
    latest = page
    const here = rows(), rest = here.size === 0 || !reading()
    for (const id of ["sentence", "tabs", "first"]) head(id, page, rest)
    if (rest) return take(page)
    waiting.clear()
    for (const fresh of groups.querySelectorAll("[data-ref]")) {
      const row = here.get(fresh.dataset.ref)
      if (!row) waiting.set(fresh.dataset.ref, fresh)
      else if (row.innerHTML !== fresh.innerHTML) inPlace(row, fresh)
    }
    bar()
  }

  by("news-show").addEventListener("click", () => { if (latest) take(latest); by("groups").querySelector("[data-ref] a")?.focus() })
  document.addEventListener("lapwing:show-new", () => { if (waiting.size) by("news-show").click() })
  follow(news, update, agesAfter)
}

// inPlace changes a row without moving those below it. A row that has the
// focus keeps its link and so its focus.
function inPlace(row, fresh) {
  const lines = row.querySelector(".lw-row__words")?.offsetHeight
  row.style.height = `${row.offsetHeight}px`
  for (const part of [".lw-row__sev", ".lw-row__what", ".lw-row__due", ".lw-row__owner"]) {
    const a = row.querySelector(part), b = fresh.querySelector(part)
    if (a && b && a.innerHTML !== b.innerHTML && !a.contains(document.activeElement)) a.innerHTML = b.innerHTML
  }
  row.className = fresh.className
  // Words that had one line keep to one, cut with an ellipsis.
  const words = row.querySelector(".lw-row__words")
  if (words && words.offsetHeight > lines) words.classList.add("lw-row__words--one")
}

export function startCase() {
  const notice = by("changed")
  if (!notice) return
  follow(notice, async () => {
    await settled()
    const page = await fetchPage(notice.dataset.page)
    const now = page?.getElementById("case")?.dataset.version
    if (now && now !== notice.dataset.version) notice.hidden = false
  })
}
