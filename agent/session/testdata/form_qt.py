"""A Qt 5 window with a text field, a password field that F8 shows, and an essay, for the tests."""
import sys

from PyQt5.QtGui import QKeySequence
from PyQt5.QtWidgets import QApplication, QLineEdit, QShortcut, QTextEdit, QVBoxLayout, QWidget

app = QApplication(sys.argv)
window = QWidget()
window.setWindowTitle("Sign in")
box = QVBoxLayout(window)
name, secret, essay = QLineEdit(), QLineEdit(), QTextEdit()
secret.setEchoMode(QLineEdit.Password)
essay.setTabChangesFocus(True)
for field in (name, secret, essay):
    box.addWidget(field)
QShortcut(QKeySequence("F8"), window, lambda: secret.setEchoMode(QLineEdit.Normal))
window.show()
app.exec_()
