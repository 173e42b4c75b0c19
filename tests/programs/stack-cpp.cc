// stack-cpp.cc: the names that C++ gives: templates, methods, lambdas, operator new; and a stack while an exception is
// under way.
#include <functional>
#include <new>
#include <string>
#include <vector>

#define _Static_assert static_assert
#include "stated.h"

namespace shop {

volatile int sink;

struct Destroyed {
    NOINLINE ~Destroyed()
    {
        HERE();
        STATE_AS("shop::Destroyed::~Destroyed()", "complete");
    }
};

template <typename T> struct Box {
    T *items = nullptr;

    // malloc() maps a block of such a size: its length tells the event.
    NOINLINE void grow(unsigned long count)
    {
        const unsigned long size = count * sizeof(T);
        char arguments[64];
        HERE();
        stated_push(name(), __LINE__ + 4);
        stated_push("operator new(unsigned long)", 0);
        std::snprintf(arguments, sizeof(arguments), "\"length\":%lu", (size + 16 + 4095) / 4096 * 4096);
        stated_print("mmap", arguments, "complete");
        items = static_cast<T *>(::operator new(size));
        n_stated -= 2;
        sink = static_cast<int>(sizeof(T));
    }

    static const char *name();
};

template <> const char *Box<int>::name()
{
    return "shop::Box<int>::grow(unsigned long)";
}

template <> const char *Box<std::vector<double>>::name()
{
    return "shop::Box<std::vector<double, std::allocator<double> > >::grow(unsigned long)";
}

struct Base {
    virtual void work(int depth) const = 0;
    virtual ~Base() = default;
};

struct Derived final : Base {
    NOINLINE void work(int depth) const override
    {
        HERE();
        if (depth)
            CALL_AS("shop::Derived::work(int) const", work(depth - 1));
        else
            STATE_AS("shop::Derived::work(int) const", "complete");
    }
};

NOINLINE void throws(int depth)
{
    Destroyed destroyed;
    HERE();
    if (depth == 0)
        throw std::string("thrown");
    throws(depth - 1);
}

NOINLINE void catches()
{
    HERE();
    try {
        Destroyed *none = nullptr;
        sink = none == nullptr;
        stated_push("shop::catches()", 0);
        stated_push("shop::throws(int)", 0);
        throws(0);
    } catch (const std::string &) {
        n_stated = 1;
        STATE_AS("shop::catches()", "complete");
    }
}

template <int N> NOINLINE void fixed()
{
    HERE();
    STATE_AS(N == 3 ? "shop::fixed<3>()" : "shop::fixed<4>()", "complete");
}

} // namespace shop

int main()
{
    shop::Box<int> ints;
    shop::Box<std::vector<double>> vectors;
    shop::Derived derived;
    const shop::Base *base = &derived;
    __asm__ volatile("" : "+r"(base));
    CALL(ints.grow(1 << 20));
    CALL(vectors.grow(1 << 17));
    CALL(base->work(2));
    CALL((shop::fixed<3>()));
    CALL((shop::fixed<4>()));
    CALL(shop::catches());
    return 0;
}
