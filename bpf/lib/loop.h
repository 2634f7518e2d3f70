/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Loops. All that look up rows are bpf_loop (kernel 5.17), whose body is verified once. A plain loop is verified round by round, and without
 * CAP_PERFMON also along mispredicted branches with their operands unknown, which multiplies (6.18: "sequence of 8193 jumps is too complex").
 *
 * Their contexts hold numbers only. A pointer in a context is a pointer on the stack, and clang may use its place again for something of four
 * bytes, which the verifier takes for an attack ("attempt to corrupt spilled pointer"); so tables are looked up again, by epoch, in the body.
 */
#pragma once
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define KM_NEXT 0
#define KM_STOP 1

/* Halvings that find one of 2^24 rows. */
#define KM_SEARCH_STEPS 25
