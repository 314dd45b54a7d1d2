//! What the back end refuses, and that the message says where and what to do.

// A gated clock is refused even if both arms pass the same clock.
#![allow(clippy::if_same_then_else)]

use nearfield_hdl::emit::emit;
use nearfield_hdl::prelude::*;

macro_rules! refused {
    ($name:ident, $($word:literal),+; { $($field:ident : $kind:ty),* $(,)? } $body:item) => {
        #[test]
        fn $name() {
            #[derive(LogicBlock, Default)]
            struct Unit {
                a: Signal<In, Bits<8>>,
                b: Signal<In, Bits<8>>,
                s: Signal<In, Bits<3>>,
                y: Signal<Out, Bits<8>>,
                $($field: $kind),*
            }
            impl Logic for Unit {
                $body
                unit!();
            }
            let error = emit(&Unit::default(), "top", "").expect_err("it must be refused").to_string();
            $(assert!(error.contains($word), "`{error}` does not say `{}`", $word);)+
        }
    };
}

refused!(a_latch, "top", "y", "not assigned on every path"; {} #[hdl_gen] fn update(&mut self) {
    if self.a.val().any() {
        self.y.next = self.b.val();
    }
});
refused!(an_output_without_driver, "y", "never driven"; {} #[hdl_gen] fn update(&mut self) {});
refused!(a_read_before_the_write, "t", "before it is written"; { t: Signal<Local, Bits<8>> } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.t.val();
    self.t.next = self.a.val();
});
refused!(bits_of_a_sum, "Signal<Local", "a + b"; {} #[hdl_gen] fn update(&mut self) {
    self.y.next = bit_cast::<8, 4>((self.a.val() + self.b.val()).get_bits::<4>(2));
});
refused!(a_computed_index, "index is computed"; {} #[hdl_gen] fn update(&mut self) {
    self.y.next = bit_cast::<8, 1>(self.a.val().get_bit((self.s.val() + 1).index()).into());
});
refused!(an_index_past_the_top, "can reach bit"; { w: Signal<In, Bits<6>> } #[hdl_gen] fn update(&mut self) {
    self.y.next = bit_cast::<8, 1>(self.w.val().get_bit(self.s.val().index()).into());
});
refused!(a_literal_that_does_not_fit, "does not fit into 8 bits"; {} #[hdl_gen] fn update(&mut self) {
    self.y.next = self.a.val() + 256;
});
refused!(a_child_without_input, "d", "never driven"; { line: Delay<8, 2>, clock: Signal<In, Clock> } #[hdl_gen] fn update(&mut self) {
    clock!(self, clock, line);
    self.y.next = self.line.q.val();
});
refused!(a_gated_clock, "clock"; { r: Reg<Bits<8>>, clock: Signal<In, Clock>, other: Signal<In, Clock> } #[hdl_gen] fn update(&mut self) {
    self.r.d.next = self.a.val();
    if self.b.val().any() {
        self.r.clock.next = self.clock.val();
    } else {
        self.r.clock.next = self.other.val();
    }
    self.y.next = self.r.q.val();
});
refused!(a_register_without_default, "r", "not assigned on every path"; { r: Reg<Bits<8>>, clock: Signal<In, Clock> } #[hdl_gen] fn update(&mut self) {
    self.r.clock.next = self.clock.val();
    if self.b.val().any() {
        self.r.d.next = self.a.val();
    }
    self.y.next = self.r.q.val();
});
refused!(a_port_named_like_a_keyword, "supply0", "rename"; { supply0: Signal<In, Bits<8>>, wand: Signal<In, Bit> } #[hdl_gen] fn update(&mut self) {
    self.y.next = self.supply0.val();
});

#[test]
fn an_unlisted_constant() {
    const K: usize = 3;
    #[derive(LogicBlock, Default)]
    struct Unit {
        a: Signal<In, Bits<8>>,
        y: Signal<Out, Bits<8>>,
    }
    impl Logic for Unit {
        #[hdl_gen]
        fn update(&mut self) {
            self.y.next = self.a.val() + K.to_bits();
        }
        unit!();
    }
    let error = emit(&Unit::default(), "top", "").unwrap_err().to_string();
    assert!(error.contains("`K`") && error.contains("unit!"), "{error}");
}

#[test]
fn a_bidirectional_signal() {
    #[derive(LogicBlock, Default)]
    struct Unit {
        pad: Signal<InOut, Bits<8>>,
        y: Signal<Out, Bits<8>>,
    }
    impl Logic for Unit {
        #[hdl_gen]
        fn update(&mut self) {
            self.y.next = self.pad.val();
        }
        unit!();
    }
    let error = emit(&Unit::default(), "top", "").unwrap_err().to_string();
    assert!(error.contains("pad") && error.contains("bidirectional"), "{error}");
}
