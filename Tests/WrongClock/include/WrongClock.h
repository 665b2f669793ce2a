// A wall clock that is wrong, for a program that is started with this library in LD_PRELOAD: as on a machine whose clock nobody
// has set, or that somebody sets meanwhile. Nothing is to be called.
//
// SRUP_WRONG_CLOCK names a file of eight bytes: the seconds by which the clock is wrong. It is mapped, so that writing eight
// bytes steps the clock of a running program. What counts since boot stays true, and so do timers and the times of files, which
// are the kernel's.
