// The form about a case: drafts, steps, and the end of a claim. Without script
// every button of the form sends all of it, and the server keeps what was
// written; this keeps it sooner. What could not be kept stays in the page's
// memory only, never in the browser's storage.

const draftEvery = 10000 // ms between looks at what was written
const by = (id) => document.getElementById(id)

// Steps that are on their way: the page's own ticks are no news to it.
let ticking = Promise.resolve()
export const settled = () => ticking

const ask = (address, body, options = {}) =>
  fetch(address, { method: "POST", body, credentials: "same-origin", redirect: "error", headers: { Accept: "application/json" }, ...options })

function startDraft(form) {
  const state = by("draft-state")
  const fields = () => new URLSearchParams(new FormData(form))
  // Steps are kept by themselves; a draft is what was filled in.
  const written = () => { const f = fields(); for (const k of ["step", "steps", "key", "version", "seen"]) f.delete(k); return f.toString() }
  let kept = written(), keptAt = "", sent = false, busy = false, lost = false
  const keep = async (options) => {
    const now = written()
    if (sent || busy || now === kept) return
    busy = true
    try {
      const answer = await ask(form.dataset.draft, fields(), options)
      const said = await answer.json()
      if (sent) return
      if (answer.ok) {
        kept = now
        keptAt = said.at
        lost = false
        state.textContent = `Draft kept at ${keptAt}`
      } else {
        lost = true
        state.textContent = said.message ?? "The draft could not be kept. Copy it to be safe."
      }
    } catch {
      lost = true
      state.textContent = `No connection${keptAt ? ` since ${keptAt}` : ""}: what you write stays on this page until there is one. Do not close it.`
    } finally { busy = false }
  }
  setInterval(keep, draftEvery)
  form.addEventListener("focusout", () => keep())
  addEventListener("online", () => keep())
  document.addEventListener("visibilitychange", () => { if (document.hidden) keep({ keepalive: true }) })
  form.addEventListener("submit", (event) => { if (!event.defaultPrevented) sent = true })
  addEventListener("pageshow", () => { sent = false })
  addEventListener("beforeunload", (event) => { if (!sent && lost && written() !== kept) event.preventDefault() })
}

// startSteps saves each tick as it is made, and says who made it.
function startSteps(form) {
  const state = by("steps-state"), shown = form.elements.steps
  if (!shown) return
  const save = async () => {
    try {
      const answer = await ask(form.dataset.steps, new URLSearchParams(new FormData(form)))
      const said = await answer.json()
      if (!answer.ok) throw new Error(said.message)
      shown.value = Object.keys(said.done).join(" ")
      for (const box of form.querySelectorAll('[name="step"]')) {
        box.checked = Object.hasOwn(said.done, box.value)
        by(`step-${box.value}-by`).textContent = said.done[box.value] ?? ""
      }
      state.textContent = ""
      if (said.mine) form.elements.version.value = by("changed").dataset.version = said.version
    } catch (error) {
      state.textContent = error.message && !(error instanceof TypeError) ? error.message : "Not saved yet. It goes with the next button you press."
    }
  }
  form.addEventListener("change", (event) => { if (event.target.name === "step") ticking = ticking.then(save) })
}

// startLapse shows the warning when the claim is about to end, and says when it has.
function startLapse() {
  const notice = by("lapse")
  if (!notice) return
  const ends = Number(notice.dataset.ends), warn = 5 * 60 * 1000
  setTimeout(() => { notice.hidden = false }, Math.max(ends - warn, 0))
  setTimeout(() => { by("lapse-text").textContent = "Your claim has ended, so a colleague may take the case. What you wrote is kept." }, Math.max(ends, 0))
}

export function startForm() {
  const form = by("decide")
  if (!form) return
  for (const part of document.querySelectorAll(".lw-noscript")) part.hidden = true
  if (form.elements.note) startDraft(form)
  startSteps(form)
  startLapse()
}
