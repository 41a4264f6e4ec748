// Package text turns what a desktop shows of keys and focus into the inputs of
// agent/capture: typed characters in their order, and before them the field
// that they go to, with the role that the password gate needs.
//
// It decides nothing about what is captured; it decides how much is known. Its
// rule is that a field is RolePending from the moment in which the focus may
// have moved, not from the moment in which it is known to have moved:
//
//   - Keys, focus changes of windows and keyboard grabs come from one X
//     connection, in the server's order. So a key can never be taken for the
//     window that had the focus before.
//   - The focus inside a window comes from another source, the accessibility
//     bus, and can be late. Whatever the person does that may move it (Tab,
//     Enter in a field of one line, a mouse button, a shortcut) makes the field pending at that key,
//     before the next one. It ends when the application tells the new focus,
//     or when it has told nothing for 200 ms and, asked then, answers quickly
//     that the old object still has it. Keys wait meanwhile (capture holds
//     them 300 ms) and are dropped when no answer comes.
//   - When there is a second such act before the first has been cleared up, a
//     focus event may belong to either; then the 200 ms are waited in full.
//   - Only an object that says, when asked, that it has the focus is text.
//   - A key is harmless only when it is known to edit text or move its caret.
//   - What has no accessible object is captured only when it is a terminal, and
//     there only when it certainly shows what is typed (Echo): a key that is read
//     late, with the rest of its line, counts as not shown.
//   - An application that takes long to answer is too busy for its silence to
//     mean anything; it is asked again and the field stays pending.
//   - When the focus event comes within two seconds after silence was taken for
//     an answer, what was typed since is treated as a password: the same field
//     is reported as RolePassword, and capture withdraws it.
//   - A field that was a password once stays one, whatever its role says later
//     ("show password"); and so does another object in its place, or of its name
//     (secrets).
//
// Text that no key shows (pasted, dictated, composed by an input method, from an
// on-screen keyboard) comes from the accessibility bus, which tells of typed text
// as well: Merger counts each once. Only the field that has the focus and is one
// of text is listened to, so that what programs write elsewhere is not.
//
// What remains: a page whose script moves the focus without any act of the
// person is known only when its event arrives, some milliseconds later. A
// terminal inside a page or an Electron program is a text field like another.
// A focus event for a suggestion
// below a text field makes what is typed there be dropped until the field says
// that it has the focus again.
//
// It may import agent/capture, agent/sensor/atspi and agent/sensor/x11 for their
// types. Fields and Typist are pure: no clock, no I/O, no goroutine.
package text
