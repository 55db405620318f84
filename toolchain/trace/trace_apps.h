// The apps of the published experiment, and what stands for them here.
#pragma once

#include <span>

#include "toolchain/trace/trace.h"

namespace elm {

// XiaoAi, Gboard, Shortcuts, Octopus, GMail, Rewind with their SLOs: strictest first. Each app has
// the family of the built-in world that resembles its dataset, together they have all six:
//
//   Rewind     OBQA        fact      questions that notes of the past answer
//   GMail      ARC_E       reply     which of several texts is the right answer to a message
//   Octopus    Octopus     function  choose the function that a request needs
//   Shortcuts  LlamaTouch  app       choose the app that a user's wish needs
//   Gboard     PIQA        continue  how a text goes on
//   XiaoAi     SCIQ        screen    questions about what is in front of the user
std::span<const TraceApp> PublishedApps();

// Demands less time: a smaller TTFT, of equal ones a smaller TPOT. An absent bound is the laxest;
// bounds in ms compare among themselves and stand behind shares.
bool Stricter(const Slo& a, const Slo& b);

}  // namespace elm
