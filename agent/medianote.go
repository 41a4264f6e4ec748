package main

import lapwingv1 "github.com/lapwing-schools/lapwing/proto/lapwing/v1"

// noteMedium has the desktop in front tell its person of a medium. Where nobody
// is logged on, nobody is told.
func (s *service) noteMedium(n *lapwingv1.MediaNote) { s.canaries.group.NoteMedium(n) }
