/* Offsets inside one version of the interpreter, in a form that the BPF side reads too. */
#ifndef GILSCOPE_PROBES_LAYOUT_OFFSETS_H
#define GILSCOPE_PROBES_LAYOUT_OFFSETS_H

#include <stdint.h>

/* Offset that this version does not have. */
#define LAYOUT_ABSENT 0xffffu

/* How the line of a frame is found. Append-only. */
enum layout_lines {
	LAYOUT_LNOTAB = 0,    /* 3.8, 3.9: f_lasti in bytes, co_lnotab */
	LAYOUT_LINETABLE = 1, /* 3.10: f_lasti in 2-byte units, PEP 626 table */
	LAYOUT_LOCATIONS = 2, /* 3.11+: instruction pointer, PEP 657 table */
};

/* Shared with the BPF side as it is: fixed sizes only. All in bytes. */
struct layout {
	/* _gil_runtime_state */
	uint16_t gil_last_holder, gil_locked, gil_switch_number, gil_cond, gil_mutex,
		gil_switch_cond;
	/* PyThreadState */
	uint16_t tstate_interp, tstate_next, tstate_frame, tstate_native_id, tstate_thread_id;
	uint16_t cframe_frame; /* tstate_frame leads to a cframe that holds the frame here, or
				  ABSENT */
	/* frame */
	uint16_t frame_code, frame_back, frame_instr, frame_owner;
	uint16_t frame_owner_skip;     /* owner >= this value: no Python frame (shim) */
	uint16_t frame_code_is_tagged; /* 1: clear the two low bits of the code pointer */
	/* code */
	uint16_t code_filename, code_name, code_qualname, code_firstlineno, code_linetable,
		code_bytes;
	/* objects */
	uint16_t unicode_state, unicode_length, unicode_ascii,
		unicode_compact; /* data follows these */
	uint16_t bytes_size, bytes_data;
	uint16_t interp_next, interp_id, interp_threads_head;
	uint16_t lines; /* enum layout_lines */
	uint16_t unicode_kind_shift; /* of the kind in the state word */
	uint16_t gil_enabled;      /* int; only in free-threaded builds, else ABSENT */
	uint16_t runtime_interp_head; /* in _PyRuntime; the main interpreter's pointer follows it */
	uint16_t reserved[3];
};

#endif
