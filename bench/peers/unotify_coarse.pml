/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seccomp user notification with pinned arguments, one filter.
 *
 * A target thread makes a trapped system call, queues a seccomp_knotif on
 * the filter and sleeps.  A supervisor thread receives it, asks for the
 * pointed-to arguments to be pinned (copied to the kernel), judges them and
 * sends the reply.  Writer threads share the targets' memory and store into
 * the arguments at any time; non-fatal signals end a sleep early.
 *
 * The protocol of unotify.pml, coarsened by hand: what is done under
 * filter->notify_lock is one step, and there is no lock.  It shows how far
 * spin gets when its user does the reduction.  Fewer states, same verdicts.
 *
 *   N targets     M writers   S supervisor threads
 *   K argument words of V values each; value 0 is the only one allowed
 *   R traps per target    W stores per writer    SIG signals in a run
 *   MODE     0: plain CONTINUE    1: pin, then CONTINUE_PINNED
 *   FIX      1: an interrupted sleep drops the pin
 *   OUTLIVE  1: also check that no pin outlives its notification
 */
#include "unotify_common.pml"

active [N] proctype target()
{
	byte traps = R;		/* still to make */
	byte cell;
	bit  go;

end_user:
	do
	:: d_step {
		traps > 0 ->
		knotif[self] = INIT;
		cookie[self] = next_cookie;
		next_cookie++;
		requests++;
		CHECK_PIN(self)
	   };

	   /* wait_for_completion_interruptible() */
	   if
	   :: knotif[self] >= DENY ->
		d_step {
			go = (knotif[self] == CONT);
			UNLINK(self);
			if
			:: pin[self] == HELD -> DROP_PIN(self)
			:: else
			fi;
			CHECK_PIN(self)
		};
		do
		:: d_step {	/* the call fetches its next argument */
			go && cell < K ->
			if
			:: pin[self] == LIVE -> assert(pinned[self * K + cell] == 0)
			:: else -> assert(arg[cell] == 0)
			fi;
			cell++
		   }
		:: d_step {	/* the call is over: run task_work */
			!go || cell == K ->
			if
			:: pin[self] == LIVE -> DROP_PIN(self)
			:: else
			fi;
			go = 0;
			cell = 0;
			traps--
		   };
		   break
		od

	   :: d_step { signals > 0 -> signals-- };
		d_step {	/* a reply that came meanwhile is lost */
			UNLINK(self);
#if FIX
			DROP_PIN(self);
#endif
			CHECK_PIN(self)
		};
		d_step {	/* handle the signal, then restart the call */
			if
			:: pin[self] == LIVE -> DROP_PIN(self)
			:: else
			fi
		}
	   fi
	od
}

#if M
active [M] proctype writer()
{
	byte stores = W;

end_writer:
	do
	STORE_ANY(0)
#if K > 1
	STORE_ANY(1)
#endif
#if K > 2
	STORE_ANY(2)
#endif
	od
}
#endif

/*
 * Forgetting a request is a local step, but a counter shared by all processes
 * hides that from spin: its reduction must take the step for a global one.
 * -DLOCAL does without the counter; spin then stores about a quarter less.
 */
#ifdef LOCAL
#define FORGET \
	id = 0; who = 0; cell = 0; err = 0; EACH_CELL(ZERO_SEEN, 0)
#else
hidden byte i;

#define FORGET \
	id = 0; who = 0; cell = 0; err = 0; i = 0; \
	do \
	:: i < K -> seen[i] = 0; i++ \
	:: else -> break \
	od; \
	i = 0
#endif

active [S] proctype supervisor()
{
	byte id, who, cell, err;
	byte seen[K];

end_idle:
	do
	:: d_step { requests > 0 -> requests-- };
	   d_step {		/* RECV takes the oldest one */
		OLDEST(0);
#if N > 1
		OLDEST(1);
#endif
#if N > 2
		OLDEST(2);
#endif
#if N > 3
		OLDEST(3);
#endif
		if
		:: id != 0 -> knotif[who] = SENT
		:: else
		fi
	   };
	   if
	   :: id == 0 -> goto end_idle	/* it was interrupted */
	   :: else
	   fi;
#if MODE
	   d_step {		/* PIN_ARGS, before the copy */
		if
		:: !MINE -> err = ENOENT
		:: MINE && pin[who] != UNPINNED -> err = EEXIST
		:: MINE && pin[who] == UNPINNED && copying[who] -> err = EBUSY
		:: else -> copying[who] = 1
		fi
	   };
	   if
	   :: d_step { err == ENOENT -> FORGET }; goto end_idle
	   :: err == EBUSY -> goto reply
	   :: else
	   fi;
#endif
	   /* PIN_ARGS copies; on EEXIST and in MODE 0 it is the supervisor that
	    * reads user memory. */
	   do
	   :: d_step { cell < K - 1 -> seen[cell] = arg[cell]; cell++ }
	   :: d_step { cell == K - 1 -> seen[cell] = arg[cell]; cell = 0 }; break
	   od;
#if MODE
	   if
	   :: err == EEXIST
	   :: d_step {		/* PIN_ARGS, after the copy */
		err == 0 ->
		copying[who] = 0;
		if
		:: MINE ->
			pin[who] = HELD;
			pin_cookie[who] = id;
			EACH_CELL(COPY_PINNED, who)
		:: else -> err = ENOENT
		fi;
		CHECK_PIN(who)
	      };
		if
		:: d_step { err == ENOENT -> FORGET }; goto end_idle
		:: else
		fi
	   fi;
#endif
reply:
	   if			/* spin cannot jump to a bare d_step */
	   :: d_step {		/* SEND; it fails if the notification is gone */
		if
		:: MINE && err != EBUSY && ALL_ALLOWED(seen) ->
			knotif[who] = CONT;
#if MODE
			if
			:: pin[who] == HELD -> pin[who] = LIVE
			:: else
			fi
#endif
		:: MINE && !(err != EBUSY && ALL_ALLOWED(seen)) ->
			knotif[who] = DENY
		:: !MINE
		fi;
		CHECK_PIN(who);
		FORGET
	      }
	   fi
	od
}
