"""A GTK 4 window with a text field, a password field that F8 shows, and an essay, for the tests."""
import gi

gi.require_version("Gtk", "4.0")
gi.require_version("Gdk", "4.0")
from gi.repository import Gdk, GLib, Gtk

GLib.set_prgname("form_gtk4.py")
Gtk.init()
window = Gtk.Window(title="Sign in")
box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
name, secret = Gtk.Entry(), Gtk.PasswordEntry(show_peek_icon=True)
essay = Gtk.TextView(accepts_tab=False)
for field in (name, secret, essay):
    box.append(field)
window.set_child(box)


def show(_controller, value, _code, _state):
    if value == Gdk.KEY_F8:
        secret.get_delegate().set_visibility(True)
    return value == Gdk.KEY_F8


keys = Gtk.EventControllerKey(propagation_phase=Gtk.PropagationPhase.CAPTURE)
keys.connect("key-pressed", show)
window.add_controller(keys)
loop = GLib.MainLoop()
window.connect("close-request", lambda _: loop.quit())
window.present()
loop.run()
