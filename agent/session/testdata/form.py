"""A GTK 3 window with a text field and a password field, for the tests."""
import gi

gi.require_version("Gtk", "3.0")
from gi.repository import Gtk

window = Gtk.Window(title="Sign in")
box = Gtk.Box(orientation=Gtk.Orientation.VERTICAL)
for visible in (True, False):
    entry = Gtk.Entry()
    entry.set_visibility(visible)
    if not visible:
        entry.set_input_purpose(Gtk.InputPurpose.PASSWORD)
    box.add(entry)
window.add(box)
window.connect("destroy", Gtk.main_quit)
window.show_all()
Gtk.main()
