// Closing cases together: how many are selected, and selecting all of them. What
// is selected outlives the live list's changes, as long as the case is in it.

export function startTogether() {
  const boxes = () => [...document.querySelectorAll(".lw-select")]
  const chosen = new Set(boxes().filter((b) => b.checked).map((b) => ref(b)))
  const count = () => {
    const n = boxes().filter((b) => b.checked).length
    const line = document.querySelector("#together [data-count]")
    if (line) line.textContent = `${n} selected`
  }
  document.addEventListener("change", (event) => {
    if (!event.target.matches?.(".lw-select")) return
    chosen[event.target.checked ? "add" : "delete"](ref(event.target))
    count()
  })
  document.addEventListener("click", (event) => {
    if (!event.target.closest?.('#together [data-key="all"]')) return
    for (const b of boxes()) { b.checked = true; chosen.add(ref(b)) }
    count()
  })
  document.addEventListener("lapwing:list", () => {
    for (const el of document.querySelectorAll("#together [data-needs-script]")) el.hidden = false
    for (const b of boxes()) b.checked = chosen.has(ref(b))
    count()
  })
  count()
}

const ref = (box) => box.value.split(".")[0]
