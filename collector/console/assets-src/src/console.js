// The console's script. Every page works without it; it adds GOV.UK's own
// component behaviours, the live queue and single keys.
import { Button, CharacterCount, createAll, ErrorSummary, PasswordInput, SkipLink } from "govuk-frontend"
import { startCase, startQueue } from "./live.js"
import { startForm } from "./case.js"
import { startKeys } from "./keys.js"

document.body.classList.add("js-enabled", "govuk-frontend-supported")
for (const component of [Button, CharacterCount, ErrorSummary, PasswordInput, SkipLink]) createAll(component)

for (const el of document.querySelectorAll("[data-needs-script]")) el.hidden = false

// A slow form says so, and cannot be sent twice. The pressed button's value
// must still be sent, so it is disabled only after the form has left.
for (const form of document.querySelectorAll("form[data-slow]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) return event.preventDefault()
    form.dataset.sent = "yes"
    const button = event.submitter
    if (button) setTimeout(() => { button.disabled = true; button.textContent = form.dataset.slow })
  })
}
// A page from the back-forward cache has its forms free again. It is asked for
// by an address: a reload of a form's answer would send the form anew.
addEventListener("pageshow", (event) => {
  if (event.persisted) location.replace(document.querySelector("[data-page]")?.dataset.page ?? location.pathname + location.search)
})

startQueue()
startCase()
startForm()
startKeys()
